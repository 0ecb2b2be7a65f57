"""HTML pages from templates: everything is escaped, nothing is fetched, no foreign file is overwritten."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from attrgen.core.decoding import cached
from attrgen.core.errors import UserError
from attrgen.core.files import open_regular, write_text
from attrgen.core.secrets import masked
from attrgen.core.streams import printable
from vr.report import captions
from vr.report.svg import SERIES, hue

_FOLDER = Path(__file__).parent
_MARK = '<meta name="generator" content="biomedvr {}">'


def render(template: str, kind: str, **values: Any) -> str:
    """A page from a template of this folder; `kind` says what it is: `report` or `comparison`.

    All values are escaped, whatever file they come from, unless they are `Markup`.
    """
    return (
        _environment()
        .get_template(template)
        .render(
            mark=Markup(_MARK.format(kind)),
            style=Markup((_FOLDER / "style.css").read_text("utf-8")),
            hues=[hue(number) for number in range(SERIES)],
            **values,
        )
    )


def write(path: Path, text: str, kind: str) -> None:
    """Write a page; an older one of the same kind is overwritten.

    Raises:
        UserError: there is another file of that name, or the folder cannot be written.
    """
    if path.exists() and not _is_own_page(path, kind):
        raise UserError(
            f"the file exists and is not a {kind} of this program",
            code="report-foreign-file",
            file=path,
            remedy="Move it away, or choose another path with --out.",
        )
    write_text(path, text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": captions.percent,
        "interval": _interval,
        "counted": captions.counted,
    }
    return environment


def _shown(value: Any) -> Any:
    """A value without secrets and control characters; markup of this program stays as it is."""
    return masked(printable(value)) if isinstance(value, str) and not isinstance(value, Markup) else value


def _is_own_page(path: Path, kind: str) -> bool:
    def head() -> bytes:
        with open_regular(path) as file:
            return file.read(4096)

    return _MARK.format(kind).encode() in (cached(head) or b"")


def _interval(low_high: tuple[float, float] | None) -> str:
    return "" if low_high is None else f"{100 * low_high[0]:.1f} to {100 * low_high[1]:.1f}"
