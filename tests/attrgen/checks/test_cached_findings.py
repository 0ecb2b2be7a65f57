"""Findings that are cached: the same as without a cache, and made again where anything changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attrgen.checks import cached_findings
from attrgen.checks.cached_findings import check_once
from attrgen.checks.file import check_file
from attrgen.core import version
from attrgen.core.errors import UserError
from attrgen.core.plugins import Extensions
from attrgen.schema.card import Card, CardClass

CLASSES = (CardClass(name="cyst", folder="cyst"), CardClass(name="abscess", folder="abscess"))
CARD = Card(name="liver", title="Liver", modality="CT", shows="a liver", classes=CLASSES)
TEXTS = ["a dark round area without a wall", "a dark cyst", "a dark cyst", "visible on CT", "a smooth wall"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A set with mistakes of form, repeated texts."""
    classes = {"cyst": {"descriptive": TEXTS, "distinctive": [7]}, "wolf": {}}
    path = tmp_path / "set.json"
    values = {"format": "attribute-set/1", "dataset": "liver", "classes": classes}
    path.write_text(json.dumps(values, indent=1), "utf-8")
    return path


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Gets a path whenever a file is really checked."""
    checked: list[Path] = []
    check_bytes = cached_findings.check_bytes

    def recording(content: bytes, path: Path, card: Card | None) -> object:
        checked.append(path)
        return check_bytes(content, path, card)

    monkeypatch.setattr(cached_findings, "check_bytes", recording)
    return checked


def test_the_findings_are_those_of_a_check_both_times(
    file: Path, tmp_path: Path, counted: list[Path]
) -> None:
    expected = check_file(file, CARD).findings
    assert {finding.level for finding in expected} == {"error", "warning", "note"}
    assert [check_once(file, CARD, tmp_path / "cache") for _ in range(2)] == [expected, expected]
    assert len(counted) == 1


@pytest.fixture
def cached(file: Path, tmp_path: Path, counted: list[Path]) -> tuple[Path, Path]:
    """A set, and the folder that has its findings."""
    check_once(file, CARD, tmp_path / "cache")
    assert len(counted) == 1
    counted.clear()
    return file, tmp_path / "cache"


def test_another_content_card_or_path_is_another_check(
    cached: tuple[Path, Path], tmp_path: Path, counted: list[Path]
) -> None:
    file, folder = cached
    check_once(file, CARD.model_copy(update={"name": "other"}), folder)
    check_once(file, None, folder)
    file.write_text(file.read_text("utf-8").replace("a dark cyst", "a dark cysts", 1), "utf-8")
    check_once(file, CARD, folder)
    (tmp_path / "copy.json").write_bytes(file.read_bytes())
    check_once(tmp_path / "copy.json", CARD, folder)
    assert len(counted) == 4


def test_other_rules_are_another_check(
    cached: tuple[Path, Path], counted: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached_findings, "_version", lambda: b"newer")
    check_once(cached[0], CARD, cached[1])
    assert len(counted) == 1


@pytest.mark.usefixtures("not_installed")
def test_a_checkout_that_is_not_installed_is_cached_by_its_source(
    file: Path, tmp_path: Path, counted: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cached_findings._version.cache_clear()
    expected = check_file(file, CARD).findings
    assert [check_once(file, CARD, tmp_path / "cache") for _ in range(2)] == [expected, expected]
    assert len(counted) == 1
    cached_findings._version.cache_clear()
    monkeypatch.setattr(version, "_source", lambda: "other" * 8)
    assert check_once(file, CARD, tmp_path / "cache") == expected
    assert len(counted) == 2
    cached_findings._version.cache_clear()


def test_rules_of_other_packages_are_never_cached(
    cached: tuple[Path, Path], counted: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Extensions, "names", lambda self: ["laterality"])
    check_once(cached[0], CARD, cached[1])
    assert len(counted) == 1


@pytest.mark.parametrize("content", ["", "{", "[]x", '[{"rule": "x", "level": "grave", "message": "y"}]'])
def test_a_damaged_file_counts_as_absent(
    cached: tuple[Path, Path], counted: list[Path], content: str
) -> None:
    file, folder = cached
    expected = check_file(file, CARD).findings
    (entry,) = folder.iterdir()
    entry.write_text(content, "utf-8")
    assert check_once(file, CARD, folder) == expected
    assert len(counted) == 1
    assert check_once(file, CARD, folder) == expected
    assert len(counted) == 1


def test_a_folder_that_cannot_be_written_is_no_error(file: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file", "utf-8")
    assert check_once(file, CARD, tmp_path / "cache") == check_file(file, CARD).findings


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        check_once(tmp_path / "absent.json", CARD, tmp_path / "cache")
    assert caught.value.code == "file-missing"
