"""Sets as tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes

Attrgen = Callable[..., Any]


@pytest.fixture
def shown(tmp_path: Path) -> AttributeSet:
    value = ClassAttributes(
        descriptive=["a [bold]round[/bold] dark spot", "x " * 60 + "y"],
        confusion={"meningioma": ["a pale ball"]},
    )
    shown = AttributeSet(
        dataset="btmri", classes={"glioma": value, "meningioma": ClassAttributes(distinctive=["a"])}
    )
    attribute_set.save(shown, tmp_path / "set.json")
    return shown


def test_the_counts_of_all_classes(attrgen: Attrgen, shown: AttributeSet) -> None:
    lines = [line.split() for line in attrgen("show", "set.json").out.splitlines()]
    assert ["class", "descriptive", "distinctive", "confusion"] in lines
    assert ["glioma", "2"] in lines and ["as", "meningioma", "1"] in lines and ["all", "2", "1", "1"] in lines
    assert f"btmri, id {shown.id}" in attrgen("show", "set.json").out


def test_the_texts_of_a_class(attrgen: Attrgen, shown: AttributeSet, monkeypatch: pytest.MonkeyPatch) -> None:
    out = attrgen("show", "set.json", "Glioma-Tumor").out
    lines = [line.strip() for line in out.splitlines()]
    assert "1   a [bold]round[/bold] dark spot" in lines
    assert f"2   {shown.classes['glioma'].texts('descriptive')[1]}" in lines  # not broken where it is piped
    assert lines.index("descriptive") < lines.index("confusion: meningioma") < lines.index("1   a pale ball")
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, attrgen("show", "set.json", "glioma").out.splitlines())) <= 40


def test_tokens(attrgen: Attrgen, shown: AttributeSet) -> None:
    out = attrgen("show", "set.json", "glioma", "--tokens").out
    assert [line.split()[-1] for line in out.splitlines() if "pale ball" in line] == [
        "5"
    ]  # with start and end
    lines = [line.split() for line in attrgen("show", "set.json", "--tokens").out.splitlines()]
    assert ["glioma", "2", "63"] in lines and ["as", "meningioma", "1", "5"] in lines


def test_a_class_that_is_not_there(attrgen: Attrgen, shown: AttributeSet) -> None:
    ran = attrgen("show", "set.json", "gloma")
    assert ran.status == 2 and "no class 'gloma'. Did you mean 'glioma'" in ran.err
