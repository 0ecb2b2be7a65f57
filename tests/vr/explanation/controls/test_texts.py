"""Control texts: what each keeps of a set, and what it takes away."""

from __future__ import annotations

import re

import pytest

from attrgen.schema import card as cards
from attrgen.schema import library
from attrgen.schema.attribute_set import AttributeSet
from vr.explanation.controls.texts import all_controls, control_set

CARD = cards.find("ct-kidney")
MADE = library.find(CARD)
assert MADE is not None
WRITTEN: AttributeSet = MADE
CONTROLS = all_controls(WRITTEN)


def lists(attributes: AttributeSet) -> dict[tuple[str, str, str | None], list[str]]:
    rows: dict[tuple[str, str, str | None], list[str]] = {}
    for entry in attributes.entries():
        rows.setdefault((entry.class_name, entry.kind, entry.confused), []).append(entry.text)
    return rows


def made(name: str, seed: int = 1) -> AttributeSet:
    return control_set(CONTROLS[name], WRITTEN, CARD, seed)


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_has_the_lists_of_the_set_and_is_drawn_from_name_and_seed_alone(name: str) -> None:
    actual, written = lists(made(name)), lists(WRITTEN)
    assert actual.keys() == written.keys()
    assert made(name).id == made(name).id
    number = {"names": 1}.get(name) or (int(name.split("-")[1]) if name.startswith("fewer") else 99)
    for key, texts in actual.items():
        assert len(texts) == len(set(texts)) == min(number, len(written[key])), (name, key)
    assert made(name).provenance == {"by": "vr controls", "control": name, "seed": 1, "of": WRITTEN.id}


def test_every_class_has_the_sentences_of_another() -> None:
    actual, written = lists(made("shuffled")), lists(WRITTEN)
    taken = {}
    for name in CARD.class_names:
        texts = actual[name, "descriptive", None]
        (giver,) = [other for other in CARD.class_names if written[other, "descriptive", None] == texts]
        taken[name] = giver
        assert giver != name
    assert sorted(taken.values()) == sorted(CARD.class_names)
    for (name, kind, confused), texts in actual.items():  # confusions follow both of their classes
        if confused in taken:
            assert texts == written[taken[name], kind, taken[confused]]
    assert {made("shuffled", seed).id for seed in range(12)} != {made("shuffled").id}


@pytest.mark.parametrize("name", ["random-words", "medical-words"])
def test_random_texts_have_as_many_words_and_none_of_the_sentences(name: str) -> None:
    actual, written = lists(made(name)), lists(WRITTEN)
    for key, texts in actual.items():
        assert [len(text.split()) for text in texts] == [len(text.split()) for text in written[key]]
        assert not set(texts) & set(written[key])
    assert made(name, 2).id != made(name, 1).id


def test_names_and_paraphrases_name_the_described_class() -> None:
    for name in ("names", "paraphrases"):
        for (owner, _, confused), texts in lists(made(name)).items():
            described = {None: owner, "other": "something else"}.get(confused, confused)
            assert described is not None and all(described in text for text in texts)


def test_nameless_sentences_have_no_name_of_a_class_and_are_else_the_same() -> None:
    owner = CARD.class_names[0]
    texts = [f"The {owner} is round and bright", f"unlike {CARD.class_names[1]}s, an even {owner.upper()}"]
    own = WRITTEN.classes[owner].model_copy(update={"descriptive": texts})
    named = WRITTEN.model_copy(update={"classes": {**WRITTEN.classes, owner: own}})
    actual = control_set(CONTROLS["nameless"], named, CARD, 1)
    assert lists(actual)[owner, "descriptive", None] == [
        "it is round and bright",
        f"unlike {CARD.class_names[1]}s, an even it",  # a word that only begins like the name stays
    ]
    pattern = re.compile("|".join(rf"\b{name}\b" for name in CARD.class_names), re.IGNORECASE)
    assert not any(pattern.search(entry.text) for entry in made("nameless").entries())


def test_fewer_texts_are_texts_of_the_set_in_their_order() -> None:
    for key, texts in lists(made("fewer-2")).items():
        positions = [lists(WRITTEN)[key].index(text) for text in texts]
        assert positions == sorted(positions)
    assert list(CONTROLS)[-4:] == ["nameless", "fewer-5", "fewer-2", "fewer-1"]
