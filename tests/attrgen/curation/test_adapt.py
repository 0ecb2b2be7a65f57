"""`attrgen adapt`: what fits another dataset, under its names, with the record of where it came from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from attrgen.curation.adapt import adapt
from attrgen.curation.provenance import digest, originals
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import OTHER, AttributeSet, ClassAttributes
from attrgen.schema.card import Card, CardClass
from attrgen.schema.plan import Slot

Attrgen = Callable[..., Any]


def card_with(name: str, **classes: tuple[str, ...]) -> Card:
    """A card; folders are numbers, as in many collections."""
    entries = tuple(
        CardClass(name=key.replace("_", " "), folder=str(number), aliases=aliases)
        for number, (key, aliases) in enumerate(classes.items())
    )
    return Card(name=name, title=name, modality="CT", shows="a slice", classes=entries)


OLD = card_with("old", cyst=("simple cyst",), stone=(), mass=("tumor",), scar=())
NEW = card_with("new", tumor=(), renal_cyst=("simple cyst",), stone=(), normal=())
RUN = {
    "source": "llm",
    "model": "m",
    "generated": {
        "cyst": {
            "descriptive": {"texts": digest("a round dark area")},
            "confusion": {
                "mass": {"texts": digest("a bright uneven rim")},
                "scar": {"texts": digest("a thin pale wedge")},
            },
        },
        "scar": {"descriptive": {"texts": digest("a pale wedge")}},
    },
}


@pytest.fixture
def attributes() -> AttributeSet:
    """A set of four classes, a part of it by an LLM."""
    confusion = {"mass": ["a bright uneven rim"], "scar": ["a thin pale wedge"], OTHER: ["a dark line"]}
    classes = {
        "cyst": ClassAttributes(descriptive=["a round dark area"], confusion=confusion),
        "stone": ClassAttributes(descriptive=["a bright spot"]),
        "mass": ClassAttributes(distinctive=["an uneven bulge"]),
        "scar": ClassAttributes(descriptive=["a pale wedge"]),
    }
    provenance = {"source": "llm", "by": "me", "runs": [RUN]}
    return AttributeSet(dataset="old", classes=classes, provenance=provenance)


def test_classes_are_matched_by_names_and_aliases(attributes: AttributeSet) -> None:
    adapted = adapt(attributes, OLD, NEW)
    assert adapted.mapped == {"cyst": "renal cyst", "mass": "tumor", "stone": "stone"}
    assert (adapted.unused, adapted.ambiguous, adapted.missing) == (("scar",), (), ("normal",))
    assert adapted.left_out == (Slot("cyst", "confusion", "scar"),)
    result = adapted.attributes
    assert result.dataset == "new" and list(result.classes) == ["tumor", "renal cyst", "stone"]
    confusion = {"tumor": ["a bright uneven rim"], OTHER: ["a dark line"]}
    assert result.classes["renal cyst"].confusion == confusion


def test_the_provenance_follows_the_texts(attributes: AttributeSet) -> None:
    result = adapt(attributes, OLD, NEW).attributes
    assert result.provenance["source"] == "llm" and result.provenance["by"] == "me"
    assert result.provenance["adapted"]["id"] == attributes.id
    known = originals(result)
    assert set(known) == {Slot("renal cyst", "descriptive"), Slot("renal cyst", "confusion", "tumor")}
    assert known[Slot("renal cyst", "descriptive")][0].digest == digest("a round dark area")


def test_two_classes_for_one_are_not_guessed(attributes: AttributeSet) -> None:
    target = card_with("new", lesion=("cyst", "mass"), stone=())
    adapted = adapt(attributes, OLD, target)
    assert adapted.mapped == {"stone": "stone"} and set(adapted.ambiguous) == {"cyst", "mass"}


def test_equal_folders_are_no_match(attributes: AttributeSet) -> None:
    with pytest.raises(UserError) as caught:
        adapt(attributes, OLD, card_with("cars", red=(), blue=()))
    assert caught.value.code == "adapt-no-class"


def test_the_command_tells_what_fits(attrgen: Attrgen, attributes: AttributeSet, tmp_path: Path) -> None:
    attribute_set.save(attributes, tmp_path / "old.json")
    lines = ['name = "new"', 'title = "New"', 'modality = "CT"', 'shows = "a slice"']
    for name in ("stone", "normal"):
        lines += ["[[classes]]", f'name = "{name}"', f'folder = "{name}"']
    (tmp_path / "new.toml").write_text("\n".join(lines))
    ran = attrgen("adapt", "old.json", "--dataset", "new.toml", "--out", "new.json")
    assert ran.status == 0 and "stone → stone" in ran.out and "missing: normal" in ran.out
    assert json.loads((tmp_path / "new.json").read_text())["dataset"] == "new"
