"""Fixtures of attrgen's tests: a scripted server, a small card, and an environment without keys."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from attrgen import cli
from attrgen.core import command
from attrgen.core.errors import UserError
from attrgen.schema.card import Card, CardClass


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


scripted_server = _load("scripted_server")


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "ATTRGEN_CACHE", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def scripts() -> ModuleType:
    """The module `scripted_server`: replies to compose a script from."""
    return scripted_server


@pytest.fixture
def server() -> Iterator[Any]:
    """A scripted server, listening; it answers well until a test replaces `server.script`."""
    with scripted_server.Server() as running:
        yield running


@pytest.fixture
def card() -> Card:
    """Three classes of a dataset that the library does not know."""
    names = ("smooth lump", "spiky lump", "plain tissue")
    return Card(
        name="lumps",
        title="Lumps",
        modality="ultrasound",
        shows="an ultrasound image of a lump",
        classes=tuple(CardClass(name=name, folder=name.replace(" ", "_")) for name in names),
    )


@pytest.fixture
def card_file(card: Card, tmp_path: Path) -> Path:
    """The same card as a file."""
    head = "".join(f'{key} = "{getattr(card, key)}"\n' for key in ("name", "title", "modality", "shows"))
    classes = "".join(
        f'\n[[classes]]\nname = "{entry.name}"\nfolder = "{entry.folder}"\n' for entry in card.classes
    )
    path = tmp_path / "lumps.toml"
    path.write_text(head + classes)
    return path


class Printed(NamedTuple):
    status: int
    out: str
    err: str


class Ran(Printed):
    """Status and output, and the code of the error that ended the command."""

    code: str | None = None


Attrgen = Callable[..., Ran]


@pytest.fixture
def attrgen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Attrgen:
    """Runs a command line in `tmp_path` as a user would; gives its status and what it printed."""
    monkeypatch.chdir(tmp_path)

    codes: list[str] = []

    def recorded(app: Callable[[], None]) -> None:
        def call() -> None:
            try:
                app()
            except UserError as error:
                codes.append(error.code)
                raise

        command.run(call)

    monkeypatch.setattr(cli, "run", recorded)

    def run(*words: object) -> Ran:
        codes.clear()
        monkeypatch.setattr(sys, "argv", ["attrgen", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
            raise SystemExit(0)
        captured = capsys.readouterr()
        ran = Ran(int(ended.value.code or 0), captured.out, captured.err)
        ran.code = codes[0] if codes else None
        return ran

    return run
