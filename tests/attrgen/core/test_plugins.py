"""Extensions of other packages: loaded by name, in order, and the package to blame is named."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from attrgen.core.plugins import Extensions

MODULE = "SEVEN = 7\nEIGHT = 8\n"
NUMBERS: Extensions[int] = Extensions(
    "toy.numbers", "number", "number-broken", lambda name, value: None if value > 7 else "it is too small"
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packages, each with an entry point `number`; the second has another one, `eight`."""
    (tmp_path / "toy_numbers.py").write_text(MODULE)
    lines = {
        "beta": "number = toy_numbers:SEVEN",
        "alpha": "number = toy_numbers:EIGHT\neight = toy_numbers:EIGHT",
    }
    for package, entries in lines.items():
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[toy.numbers]\n{entries}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_an_object_by_name(site: Path) -> None:
    assert NUMBERS.names() == ["eight", "number"]
    assert NUMBERS.load("eight") == 8


def test_a_name_that_two_packages_offer_is_refused(site: Path) -> None:
    with pytest.raises(UserError) as caught:
        NUMBERS.load("number")
    assert caught.value.code == "number-broken"
    assert "'alpha'" in caught.value.what and "'beta'" in caught.value.what


def test_all_objects_come_by_package_and_name(site: Path) -> None:
    anything: Extensions[int] = Extensions("toy.numbers", "number", "number-broken")
    assert list(anything.load_all()) == [8, 8, 7]
    with pytest.raises(UserError) as caught:
        list(NUMBERS.load_all())
    assert "'beta'" in caught.value.what and "too small" in caught.value.what
    assert "pip uninstall beta" in caught.value.remedy


def test_without_packages_there_is_nothing() -> None:
    assert NUMBERS.names() == [] and list(NUMBERS.load_all()) == []


def test_packages_are_looked_for_once_and_again_after_one_was_installed(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    entry_points = metadata.entry_points
    monkeypatch.setattr(metadata, "entry_points", lambda: looked.append(1) or entry_points())
    assert NUMBERS.names() == NUMBERS.names() == ["eight", "number"]
    assert len(looked) == 1
    info = site / "gamma-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gamma\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[toy.numbers]\nnine = toy_numbers:EIGHT\n")
    assert NUMBERS.names() == ["eight", "nine", "number"]
