"""Names of classes: found by any spelling, also after the card was changed."""

from __future__ import annotations

from attrgen.schema.card import Card


def test_a_class_is_found_by_any_spelling(card: Card) -> None:
    assert card.find_class("Spiky-Lump") is card.classes[1]
    assert card.find_class("wolf") is None
    assert card.spellings["plain tissue"] == {"plain tissue"}


def test_a_changed_copy_does_not_remember_the_old_spellings(card: Card) -> None:
    assert card.find_class("smooth lump") is not None and card.spellings
    renamed = card.classes[0].model_copy(update={"name": "wolf", "folder": "wolf"})
    changed = card.model_copy(update={"classes": (renamed, *card.classes[1:])})
    assert changed.find_class("smooth lump") is None
    assert changed.find_class("wolf") == renamed
    assert set(changed.spellings) == set(changed.class_names)
    assert changed.spellings["wolf"] == {"wolf"}
    assert card.find_class("smooth lump") is card.classes[0]
