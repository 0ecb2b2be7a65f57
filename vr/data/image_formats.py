"""The image formats: those of this folder, and those of other packages."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from attrgen.core.errors import UserError
from attrgen.core.plugins import Extensions
from vr.data.formats import builtin
from vr.data.formats.image_format import ImageFormat
from vr.data.formats.location import Location


def _problem(name: str, value: Any) -> str | None:
    if name in builtin.NAMES:
        return "a format of this name is built in"
    if not isinstance(value, ImageFormat):
        return f"it is not a {ImageFormat.__module__}.{ImageFormat.__name__}"
    return None if value.name == name else f"its name is '{value.name}'"


EXTENSIONS: Extensions[ImageFormat] = Extensions(
    "vr.image_formats", "image format", "format-plugin-broken", _problem
)


def format_names() -> list[str]:
    """The names of all formats; no other package is imported."""
    return [*builtin.NAMES, *(name for name in EXTENSIONS.names() if name not in builtin.NAMES)]


def find_format(name: str) -> ImageFormat:
    """The format of that name.

    Raises:
        UserError: there is none, or the package that offers it cannot be used.
    """
    if name in builtin.NAMES:
        return built_in_formats()[name]
    if name in EXTENSIONS.names():
        return EXTENSIONS.load(name)
    raise UserError(
        f"unknown format '{name}'", code="format-unknown", remedy=f"Known: {', '.join(format_names())}."
    )


def detect(location: Location, preferred: str | None = None) -> ImageFormat | None:
    """The format of the collection at a location, or None.

    Args:
        preferred: the name of a format that is tried before all others.

    Raises:
        UserError: a package that offers a format cannot be used, or `preferred` is unknown.
    """
    first = [find_format(preferred)] if preferred is not None else []
    return next((known for known in (*first, *all_formats()) if known.detect(location)), None)


def collection_suffixes() -> tuple[str, ...]:
    """Suffixes of single files that are collections: a zip of any format, and those of each format."""
    return (".zip", *(suffix for known in all_formats() for suffix in known.suffixes))


@cache
def built_in_formats() -> dict[str, ImageFormat]:
    """The formats of the folder `builtin` by name."""
    return {name: import_module(f"{builtin.__name__}.{name}").FORMAT for name in builtin.NAMES}


def all_formats() -> list[ImageFormat]:
    """Every format, in the order in which they are tried.

    Raises:
        UserError: a package that offers a format cannot be used.
    """
    offered = [EXTENSIONS.load(name) for name in EXTENSIONS.names()]
    return sorted([*offered, *built_in_formats().values()], key=lambda known: known.rank)
