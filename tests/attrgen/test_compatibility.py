"""A cache and an attribute set of the version before are read, and give the same set without a request."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attrgen.schema import attribute_set

BEFORE = Path(__file__).with_name("compatibility")
WORDS = ("--model", "tiny", "--temperature", 0.5, "--confusers", 1, "--kinds", "descriptive,confusion")
WORDS += ("--descriptive", 3, "--confusion", 2, "--dataset", BEFORE / "lumps.toml")
WORDS += ("--prompts", BEFORE / "prompts")
Attrgen = Callable[..., Any]


def _database(folder: Path) -> None:
    (folder / "llm").mkdir(parents=True)
    with sqlite3.connect(folder / "llm" / "cache.db") as database:
        database.executescript((BEFORE / "cache.sql").read_text(encoding="utf-8"))
    database.close()


@pytest.mark.parametrize("source", ["database", "export"])
def test_the_cache_gives_the_same_set_without_a_request(
    attrgen: Attrgen, server: Any, tmp_path: Path, source: str
) -> None:
    if source == "database":
        _database(tmp_path / "cache")
    else:
        assert attrgen("cache", "import", BEFORE / "answers.jsonl").status == 0
    ran = attrgen("build", *WORDS, "--base-url", server.url, "--out", "built.json")
    assert ran.status == 0, ran.err
    assert not server.received
    assert (tmp_path / "built.json").read_bytes() == (BEFORE / "lumps.json").read_bytes()


def test_the_cache_is_exported_as_it_was(attrgen: Attrgen, tmp_path: Path) -> None:
    _database(tmp_path / "cache")
    assert attrgen("cache", "verify").status == 0
    assert attrgen("cache", "export", "again.jsonl").status == 0
    assert (tmp_path / "again.jsonl").read_bytes() == (BEFORE / "answers.jsonl").read_bytes()


def test_the_set_is_complete_and_as_generated(attrgen: Attrgen, server: Any, tmp_path: Path) -> None:
    text = (BEFORE / "lumps.json").read_text(encoding="utf-8")
    path = tmp_path / "lumps.json"
    path.write_text(text, encoding="utf-8")
    loaded = attribute_set.load(path)
    assert attribute_set.dumps(loaded) == text
    assert loaded.id.startswith("411f2ac86bb0")
    assert sum(1 for _ in loaded.entries()) == 3 * 3 + 3 * 2
    _database(tmp_path / "cache")
    ran = attrgen("build", *WORDS, "--base-url", server.url, "--out", path)
    assert ran.status == 0 and not server.received
    assert path.read_text(encoding="utf-8") == text
