"""Names of classes: found by any spelling, also after the card was changed."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from attrgen.schema.card import Card, find, fold


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


@pytest.mark.parametrize(
    "spellings",
    [
        ("Cyst_Kidney", "cyst kidney", "CYST-KIDNEY", " cyst  kidney", "cyst - kidney"),
        ("été", unicodedata.normalize("NFD", "été"), "ÉTÉ", unicodedata.normalize("NFD", "Été")),
        ("HER2-", "her2 -", "HER2_-"),
    ],
)
def test_spellings_of_one_name(spellings: tuple[str, ...]) -> None:
    assert len({fold(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("-1", "1", "+1", "0"),
        ("HER2-", "HER2", "HER2+"),
        ("HER2- tumor", "HER2 tumor", "HER2+ tumor"),
        ("grade -1", "grade 1"),
        ("ER+/HER2-", "ER+/HER2", "ER-/HER2"),
        ("1-2", "12"),
        ("m²", "m2"),
    ],
)
def test_other_names_stay_apart(names: tuple[str, ...]) -> None:
    assert len({fold(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("scans.zip", "card-collection-file"),
        ("scans.NPZ", "card-collection-file"),
        ("none", "card-unknown-dataset"),
    ],
)
def test_what_is_no_dataset(name: str, code: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK") if "." in name else None
    with pytest.raises(UserError) as caught:
        find(str(tmp_path / name))
    assert caught.value.code == code
