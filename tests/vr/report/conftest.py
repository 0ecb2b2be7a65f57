"""Runs whose texts and file names try to break out of the page."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from attrgen.schema import attribute_set

SCRIPT = "<script>alert(1)</script>"
FILE = "<img src=x onerror=alert(2)>&.png"


@pytest.fixture(scope="session")
def hostile(toy: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The toy dataset with a script in every attribute and markup in a test image's name."""
    root = tmp_path_factory.mktemp("hostile")
    shutil.copytree(toy.data, root / "Toy")
    for folder in (root / "Toy" / "test").iterdir():
        (folder / "test-0.png").rename(folder / FILE)
    shutil.copy(toy.card, root / "toy.toml")
    actual = attribute_set.load(toy.attrs)
    for own in actual.classes.values():
        assert own.descriptive and own.distinctive and own.confusion
        own.descriptive[:] = [f"{SCRIPT} {text}" for text in own.descriptive]
        own.distinctive[:] = [f"{text} {SCRIPT}" for text in own.distinctive]
        for texts in own.confusion.values():
            texts[:] = [f"{SCRIPT} {text}" for text in texts]
    actual.provenance["by"] = SCRIPT
    attribute_set.save(actual, root / "toy.json")
    return dataclasses.replace(toy, card=root / "toy.toml", attrs=root / "toy.json", data=root / "Toy")


@pytest.fixture(scope="session")
def hostile_run(hostile: Any, run_of_session: Callable[..., Path]) -> Path:
    """A finished run on it that makes mistakes; a test that changes it takes a copy."""
    return run_of_session(hostile, options={"visual": "none"})


@pytest.fixture(scope="session")
def second_run(hostile: Any, run_of_session: Callable[..., Path]) -> Path:
    """A run of another method on the same images."""
    return run_of_session(hostile, method="attrvr")


@pytest.fixture
def copied_run(hostile_run: Path, tmp_path: Path) -> Path:
    """A copy of the hostile run that a test may change."""
    return Path(shutil.copytree(hostile_run, tmp_path / "run"))


class Page(HTMLParser):
    """A page's elements as (tag, attributes), and its text without the style sheet."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text("utf-8")
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._hidden = False
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._hidden = tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)

    @property
    def text(self) -> str:
        """What a reader reads, blanks made single."""
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element of that tag."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        """Every id, in order."""
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


@pytest.fixture(scope="session")
def read_page() -> type[Page]:
    """Read a page that was written."""
    return Page
