"""Captions: true of their picture, in words that name no class, and judged the same in bulk as one by one."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from attrgen.schema import card as cards
from vr.phantom.captions import Caption, describe, values_of, write_caption
from vr.phantom.finding import VALUES, Finding
from vr.phantom.pool import truth
from vr.phantom.scene import draw_scene
from vr.phantom.words import LINKS, OPENERS, ROLES, SEVERAL, TWO, phrases, plural

CLASS_WORDS = (
    "cyst",
    "cystic",
    "stone",
    "calculus",
    "tumor",
    "tumour",
    "mass",
    "carcinoma",
    "normal",
    "healthy",
)


def _captions(pictures: int = 200, each: int = 5) -> list[tuple[list[frozenset[str]], Caption]]:
    words = random.Random(0)
    pairs = []
    for seed in range(pictures):
        values = values_of(draw_scene(np.random.default_rng(seed)).findings)
        pairs += [(values, write_caption(values, words)) for _ in range(each)]
    return pairs


@pytest.fixture(scope="module")
def pairs() -> list[tuple[list[frozenset[str]], Caption]]:
    return _captions()


def test_a_caption_is_true_of_its_picture(pairs: list[tuple[list[frozenset[str]], Caption]]) -> None:
    assert all(caption.is_true_of(values) for values, caption in pairs)


def test_a_caption_claims_every_phrase_that_it_uses(
    pairs: list[tuple[list[frozenset[str]], Caption]],
) -> None:
    """Phrases of one meaning only, found again in the text: what they claim must be among the claims."""
    owners: dict[str, set[frozenset[str]]] = {}
    for phrase in phrases():
        if phrase.role in ("clause", "fragment"):
            owners.setdefault(phrase.text, set()).add(phrase.claims)
    alone = {text: next(iter(claims)) for text, claims in owners.items() if len(claims) == 1 and " " in text}
    longer = {text: [t for t in alone if text in t and t != text] for text in alone}
    checked = 0
    for _, caption in pairs:
        for text, claims in alone.items():
            if re.search(rf"\b{re.escape(text)}(?!\w)", caption.text) and not any(
                other in caption.text for other in longer[text]
            ):
                assert any(claims <= told for told in caption.claims), (text, caption)
                checked += 1
    assert checked > 300


def test_no_word_names_a_class_of_the_demo(pairs: list[tuple[list[frozenset[str]], Caption]]) -> None:
    texts = [phrase.text for phrase in phrases()] + [*OPENERS, *LINKS, *SEVERAL, *TWO]
    texts += [plural(phrase.text) for phrase in phrases() if phrase.role == "noun"]
    texts += [caption.text for _, caption in pairs]
    names = {word for name in cards.find("kidney-phantom").class_names for word in name.split()}
    forbidden = re.compile(rf"\b(?:{'|'.join([*CLASS_WORDS, *names])})(?:e?s)?\b", re.IGNORECASE)
    assert [text for text in texts if forbidden.search(text)] == []


def test_captions_are_varied(pairs: list[tuple[list[frozenset[str]], Caption]]) -> None:
    texts = {caption.text for _, caption in pairs}
    assert len(texts) > 0.9 * len(pairs)
    assert len({word for text in texts for word in re.findall(r"[a-z-]+", text)}) > 350
    lengths = [len(text.split()) for text in texts]
    assert min(lengths) <= 3 and max(lengths) >= 18


def test_every_value_can_be_said() -> None:
    said = {value for phrase in phrases() for value in phrase.claims}
    assert said | {"count:two", "count:several"} == set(VALUES)
    assert {phrase.role for phrase in phrases()} == set(ROLES)


def test_counts_are_said_in_the_plural() -> None:
    values = Finding("round", "sharp", "white", "even", "tiny", "several").values
    words = random.Random(1)
    captions = [describe(values, words) for _ in range(200)]
    counted = [caption for caption in captions if "count:several" in caption.claims[0]]
    assert len(counted) > 50
    assert all(caption.text.startswith(SEVERAL) for caption in counted)
    assert plural("pocket of fluid") == "pockets of fluid"
    assert plural("patch") == "patches"
    assert plural("body") == "bodies"


def test_truth_in_bulk_is_that_of_one_by_one() -> None:
    pairs = _captions(40, 1)
    table = truth([values for values, _ in pairs], [caption for _, caption in pairs])
    expected = [[caption.is_true_of(values) for _, caption in pairs] for values, _ in pairs]
    assert table.tolist() == expected
    assert 0.02 < np.mean(expected) < 0.5
