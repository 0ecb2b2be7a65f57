"""Sets and cards: classes under any spelling, what does not fit, what is missing, subsets."""

from __future__ import annotations

from typing import Any

import pytest

from attrgen.core.errors import UserError
from attrgen.schema import matching
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from attrgen.schema.card import Card


def a_set(*names: str, **kinds: Any) -> AttributeSet:
    return AttributeSet(dataset="lumps", classes={name: ClassAttributes(**kinds) for name in names})


def test_classes_meet_the_card_by_any_spelling(card: Card) -> None:
    attributes = a_set("Plain-Tissue", "spiky_lump", "smooth lump", descriptive=["a dark spot"])
    fitted = matching.for_card(attributes, card)
    assert tuple(fitted.classes) == card.class_names


TEXTS = {"descriptive": ["x"]}
SMOOTH = ("smooth lump",)


@pytest.mark.parametrize(
    ("names", "kinds", "code"),
    [
        (("smooth lump", "spiky lump"), TEXTS, "set-missing-class"),
        (("smooth lump", "spikey lump"), TEXTS, "set-unknown-class"),
        (("smooth lump", "Smooth_Lump"), TEXTS, "set-repeated-class"),
        (SMOOTH, {"confusion": {"smooth_lump": ["x"]}}, "set-confused-with-itself"),
        (SMOOTH, {"confusion": {"wolf": ["x"]}}, "set-unknown-class"),
        (SMOOTH, {"confusion": {"spiky lump": ["x"], "Spiky Lump": ["y"]}}, "set-repeated-class"),
    ],
)
def test_a_set_that_does_not_fit_the_card(
    names: tuple[str, ...], kinds: dict[str, Any], code: str, card: Card
) -> None:
    with pytest.raises(UserError) as caught:
        matching.for_card(a_set(*names, **kinds), card, file="attrs/lumps.json")
    assert (caught.value.code, caught.value.file) == (code, "attrs/lumps.json")


def test_a_missing_bank_is_an_error(card: Card) -> None:
    with pytest.raises(UserError) as caught:
        matching.require(a_set("spiky lump", descriptive=["x"]), ("descriptive", "confusion"))
    assert (caught.value.code, caught.value.class_name) == ("set-missing-kind", "spiky lump")


def test_a_subset_leaves_out_other_classes_and_confusions_with_them(card: Card) -> None:
    others = {name: [f"like {name}"] for name in card.class_names}
    classes = {
        name: ClassAttributes(confusion={other: others[other] for other in others if other != name})
        for name in card.class_names
    }
    whole = AttributeSet(dataset="lumps", classes=classes)
    subset = card.subset(["spiky lump", "plain tissue"])
    kept = matching.restricted(whole, card, subset)
    assert {name: list(value.confusion or {}) for name, value in kept.classes.items()} == {
        "spiky lump": ["plain tissue"],
        "plain tissue": ["spiky lump"],
    }
