"""What is missing and where it goes: pure functions, and the promise that nothing else changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrgen.core.errors import UserError
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes, dumps
from attrgen.schema.card import Card, CardClass
from attrgen.schema.plan import Slot, refreshed, slots, texts_of, with_texts

NAMES = ("ant", "bee", "cat")
CARD = Card(
    name="zoo",
    title="Zoo",
    modality="photo",
    shows="an animal",
    classes=tuple(CardClass(name=name, folder=f"{name}_folder") for name in NAMES),
)
PAIRS = {name: tuple(other for other in NAMES if other != name) for name in NAMES}
KINDS = ("descriptive", "distinctive", "confusion")


def test_slots_stand_in_label_order() -> None:
    actual = slots(CARD, ("confusion", "descriptive"), PAIRS)
    assert actual[:4] == [
        Slot("ant", "descriptive"),
        Slot("ant", "confusion", "bee"),
        Slot("ant", "confusion", "cat"),
        Slot("bee", "descriptive"),
    ]
    assert len(actual) == 9


def test_a_class_is_found_by_any_of_its_spellings() -> None:
    attributes = AttributeSet(dataset="zoo", classes={"ANT_Folder": ClassAttributes(descriptive=["x"])})
    assert texts_of(attributes, CARD, Slot("ant", "descriptive")) == ["x"]
    assert texts_of(attributes, CARD, Slot("ant", "distinctive")) is None
    assert texts_of(None, CARD, Slot("ant", "descriptive")) is None


@pytest.mark.parametrize(
    ("word", "number"),
    [("ant", 4), ("Ant_folder", 4), ("ant/descriptive", 1), ("ant/confusion", 2), ("ant/confusion/bee", 1)],
)
def test_refresh(word: str, number: int) -> None:
    actual = refreshed(CARD, slots(CARD, KINDS, PAIRS), [word])
    assert len(actual) == number and {slot.class_name for slot in actual} == {"ant"}


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("dog", "card-unknown-class"),
        ("ant/colour", "build-unknown-kind"),
        ("ant/ensemble", "build-nothing-to-refresh"),
    ],
)
def test_refresh_of_what_is_not_there(word: str, code: str) -> None:
    with pytest.raises(UserError) as caught:
        refreshed(CARD, slots(CARD, KINDS, PAIRS), [word])
    assert caught.value.code == code


def test_goes_in_any_order_end_in_the_same_file() -> None:
    expected = slots(CARD, KINDS, PAIRS)
    texts = {slot: [f"text of {slot}"] for slot in expected}
    at_once = dumps(with_texts(None, CARD, texts))
    for order in (expected, expected[::-1], expected[5:] + expected[:5]):
        grown: AttributeSet | None = None
        for slot in order:
            grown = with_texts(grown, CARD, {slot: texts[slot]})
        assert grown is not None and dumps(grown) == at_once


words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
lists = st.lists(words, min_size=1, max_size=3, unique=True)
spellings = st.sampled_from(["ant", "bee_folder", "CAT", "stranger", "other"])
attributes = st.builds(
    ClassAttributes,
    descriptive=st.none() | lists,
    distinctive=st.none() | lists,
    ensemble=st.none() | lists,
    confusion=st.none() | st.dictionaries(spellings, lists, min_size=1, max_size=4),
)
sets = st.builds(
    AttributeSet,
    dataset=st.just("zoo"),
    classes=st.dictionaries(spellings, attributes, min_size=1, max_size=4),
    provenance=st.dictionaries(words, words, max_size=2),
)


@given(sets)
def test_filling_changes_nothing_that_was_there(before: AttributeSet) -> None:
    missing = [s for s in slots(CARD, KINDS, PAIRS) if texts_of(before, CARD, s) is None]
    after = with_texts(before, CARD, {slot: ["new"] for slot in missing})
    kept = [entry for entry in after.entries() if Slot(*_place(entry)) not in missing]
    assert [(*_raw(entry), entry.text) for entry in kept] == [
        (*_raw(entry), entry.text) for entry in before.entries()
    ]
    assert [name for name in after.classes if name in before.classes] == list(before.classes)
    assert all(texts_of(after, CARD, slot) for slot in slots(CARD, KINDS, PAIRS))
    assert after.provenance == before.provenance


def _raw(entry) -> tuple[str, str, str | None]:  # type: ignore[no-untyped-def]
    return entry.class_name, entry.kind, entry.confused


def _place(entry) -> tuple[str, str, str | None]:  # type: ignore[no-untyped-def]
    def name(spelling: str | None) -> str | None:
        actual = None if spelling is None else CARD.find_class(spelling)
        return actual.name if actual else spelling

    return name(entry.class_name) or "", entry.kind, name(entry.confused)
