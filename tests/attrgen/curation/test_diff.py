"""Differences in meaning."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrgen.curation.diff import Change, changes, difference
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot

Attrgen = Callable[..., Any]
A, B = Slot("ant", "descriptive"), Slot("bee", "confusion", "ant")
ONE, TWO, THREE = "a round dark spot", "stripes of pale tissue", "wavy bright outer rim"


def test_equal_lists_differ_in_nothing() -> None:
    assert changes({A: [ONE], B: [TWO]}, {B: [TWO], A: [ONE]}) == []


def test_every_kind_of_change() -> None:
    assert changes({A: [ONE]}, {A: [ONE, TWO]}) == [Change("added", A, TWO)]
    assert changes({A: [ONE, TWO]}, {A: [TWO]}) == [Change("removed", A, ONE)]
    reworded = "a round, very dark spot"
    assert changes({A: [ONE, TWO]}, {A: [reworded, TWO]}) == [Change("reworded", A, reworded, before=ONE)]
    assert changes({A: [ONE, TWO]}, {A: [TWO], B: [ONE]}) == [Change("moved", B, ONE, origin=A)]
    assert changes({A: [ONE, TWO, THREE]}, {A: [THREE, ONE, TWO]}) == [Change("reordered", A, THREE)]


def test_a_text_that_both_lists_had_is_not_moved() -> None:
    assert changes({A: [ONE], B: [ONE, TWO]}, {A: [ONE], B: [TWO]}) == [Change("removed", B, ONE)]
    assert changes({A: [ONE]}, {A: [ONE], B: [ONE]}) == [Change("added", B, ONE)]


words = st.sampled_from([ONE, TWO, THREE, "a round pale spot", "stripes of dark tissue", "something else"])
lists = st.dictionaries(
    st.sampled_from([A, B, Slot("ant", "distinctive")]), st.lists(words, max_size=5, unique=True)
)


@given(lists, lists)
def test_the_changes_lead_from_one_to_the_other(
    old: dict[Slot, list[str]], new: dict[Slot, list[str]]
) -> None:
    actual = changes(old, new)
    state = {slot: list(texts) for slot, texts in old.items()}
    for change in actual:
        if change.what == "removed":
            state[change.slot].remove(change.text)
        elif change.what == "reworded":
            state[change.slot][state[change.slot].index(str(change.before))] = change.text
        elif change.what == "moved" and change.origin is not None:
            state[change.origin].remove(change.text)
            state.setdefault(change.slot, []).append(change.text)
        elif change.what == "added":
            state.setdefault(change.slot, []).append(change.text)
    assert {s: sorted(t) for s, t in state.items() if t} == {s: sorted(t) for s, t in new.items() if t}
    for slot in {*old, *new}:
        moved = {change.text for change in actual if change.what == "reordered" and change.slot == slot}
        both = set(old.get(slot, ())) & set(new.get(slot, ())) - moved
        there = [text for text in old.get(slot, ()) if text in both]
        assert there == [text for text in new.get(slot, ()) if text in both]
        # As few as possible: one text less would not do.
        common = [text for text in new.get(slot, ()) if text in old.get(slot, ())]
        assert len(moved) == len(common) - _longest([old[slot].index(text) for text in common])
    assert (actual == []) == ({s: t for s, t in old.items() if t} == {s: t for s, t in new.items() if t})


def _longest(numbers: list[int]) -> int:
    """Length of the longest increasing subsequence, the slow way."""
    best = [0] * len(numbers)
    for i, number in enumerate(numbers):
        best[i] = 1 + max((best[j] for j in range(i) if numbers[j] < number), default=0)
    return max(best, default=0)


def test_spellings_of_a_class_do_not_count(card: Card) -> None:
    value = ClassAttributes(descriptive=[ONE], confusion={"spiky lump": [TWO]})
    other = ClassAttributes(descriptive=[ONE], confusion={"Spiky_Lump": [TWO]})
    first = AttributeSet(dataset="lumps", classes={"smooth lump": value})
    second = AttributeSet(dataset="lumps", classes={"smooth_lump": other}, provenance={"by": "me"})
    assert first.id != second.id and difference(first, second, card) == []
    assert {change.what for change in difference(first, second, None)} == {"moved"}


def test_the_command(attrgen: Attrgen, tmp_path: Path) -> None:
    old = AttributeSet(dataset="zoo", classes={"ant": ClassAttributes(descriptive=[ONE, TWO])})
    attribute_set.save(old, tmp_path / "a.json")
    ran = attrgen("diff", "a.json", "a.json")
    assert ran.status == 0 and "The texts are equal." in ran.out and old.id[:12] in ran.out
    value = ClassAttributes(descriptive=["a round, very dark spot"], distinctive=[THREE])
    new = AttributeSet(dataset="zoo", classes={"ant": value})
    attribute_set.save(new, tmp_path / "b.json")
    ran = attrgen("diff", "a.json", "b.json")
    assert ran.status == 1
    assert f"  - {ONE}\n  ~ a round, very dark spot\n  - {TWO}\n" in ran.out
    assert "1 added, 1 removed, 1 reworded." in ran.out and new.id[:12] in ran.out
    ran = attrgen("diff", "a.json", "b.json", "--json")
    actual = json.loads(ran.out)
    assert ran.status == 1 and (actual["a"]["id"], actual["b"]["id"]) == (old.id, new.id)
    assert actual["counts"] == {"reworded": 1, "removed": 1, "added": 1}
    assert {"what": "added", "slot": "ant/distinctive", "text": THREE} in actual["changes"]


def test_the_layout_of_a_file_does_not_count(attrgen: Attrgen, tmp_path: Path) -> None:
    value = {"b": {"descriptive": [ONE]}, "a": {"distinctive": [TWO], "descriptive": [THREE]}}
    head = {"format": "attribute-set/1", "dataset": "zoo"}
    (tmp_path / "a.json").write_text(json.dumps({**head, "classes": value}))
    turned = {name: dict(reversed(kinds.items())) for name, kinds in reversed(value.items())}
    (tmp_path / "b.json").write_text(json.dumps({"classes": turned, **head}, indent=7))
    assert attrgen("diff", "a.json", "b.json").status == 0


def test_ids_that_differ_by_a_spelling_are_explained(attrgen: Attrgen, tmp_path: Path) -> None:
    for name, spelling in (("a", "glioma"), ("b", "Glioma_Tumor")):
        value = {spelling: ClassAttributes(descriptive=[ONE])}
        attribute_set.save(AttributeSet(dataset="btmri", classes=value), tmp_path / f"{name}.json")
    ran = attrgen("diff", "a.json", "b.json")
    assert ran.status == 0 and "The ids differ, because classes are spelled differently." in ran.out


@pytest.mark.parametrize("words", [["none.json", "a.json"], ["a.json", "none.json"]])
def test_a_file_that_is_not_there_is_no_difference(
    attrgen: Attrgen, tmp_path: Path, words: list[str]
) -> None:
    old = AttributeSet(dataset="zoo", classes={"ant": ClassAttributes(descriptive=[ONE])})
    attribute_set.save(old, tmp_path / "a.json")
    assert attrgen("diff", *words).status == 2
