"""A pruned set: what goes, what stays, and what its provenance says."""

from __future__ import annotations

from attrgen.schema import attribute_set, matching
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes, Entry
from attrgen.schema.card import Card, CardClass
from vr.explanation.audit.prune import removable, surplus, without

CARD = Card(
    name="toy",
    title="Toy",
    modality="CT",
    shows="a toy",
    classes=(
        CardClass(name="kidney cyst", folder="c", aliases=("cyst_kidney",)),
        CardClass(name="stone", folder="s"),
    ),
)
SET = AttributeSet(
    dataset="toy",
    classes={
        "stone": ClassAttributes(
            descriptive=["white", "bright", "small", "hard"], confusion={"cyst_kidney": ["dark", "round"]}
        ),
        "cyst_kidney": ClassAttributes(
            descriptive=["dark", "round", "smooth"],
            confusion={"stone": ["a speck"], "other": ["a bubble", "noise", "a line"]},
        ),
    },
    provenance={"source": "hand", "pruned": [{"date": "2026-01-01"}]},
)


def fitted() -> AttributeSet:
    return matching.for_card(SET, CARD)


def entries(*texts: str) -> list[Entry]:
    return [next(entry for entry in fitted().entries() if entry.text == text) for text in texts]


def test_every_kind_of_a_class_keeps_enough() -> None:
    worst = entries("hard", "smooth", "bright", "white", "a speck", "noise", "dark")
    assert [e.text for e in removable(fitted(), worst, keep=3)] == ["hard", "a speck"]
    assert [e.text for e in removable(fitted(), worst, keep=2)] == [
        "hard",
        "smooth",
        "bright",
        "a speck",
        "noise",
    ]
    assert removable(fitted(), worst, keep=10) == []


def test_the_best_of_each_list_stay() -> None:
    worst = [entry for entry in fitted().entries() if entry.confused != "other"]
    gone = surplus(worst, best=2)
    assert [(entry.class_name, entry.text) for entry in gone] == [
        ("kidney cyst", "dark"),
        ("stone", "white"),
        ("stone", "bright"),
    ]
    assert surplus(worst, best=4) == []


def test_the_texts_go_and_the_rest_stays_as_it_was() -> None:
    gone = entries("hard", "a speck", "dark")  # "dark" of the cyst, not the one that mimics it
    before = attribute_set.dumps(SET)
    actual = without(SET, gone, CARD, {"date": "2026-11-24"})
    assert attribute_set.dumps(SET) == before
    assert list(actual.classes) == ["stone", "cyst_kidney"]
    assert actual.classes["stone"].descriptive == ["white", "bright", "small"]
    assert actual.classes["stone"].confusion == {"cyst_kidney": ["dark", "round"]}
    assert actual.classes["cyst_kidney"].descriptive == ["round", "smooth"]
    assert actual.classes["cyst_kidney"].confusion == {"other": ["a bubble", "noise", "a line"]}
    first, second = actual.provenance["pruned"]
    assert first == {"date": "2026-01-01"} and actual.provenance["source"] == "hand"
    assert second["from"] == SET.id and second["date"] == "2026-11-24"
    assert second["removed"][1] == {
        "class_name": "kidney cyst", "kind": "confusion", "confused": "stone", "text": "a speck",
    }  # fmt: skip
    assert attribute_set.dumps(actual).count("\n") > 10
