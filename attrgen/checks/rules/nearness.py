"""The rule on nearness: a confusion text must be worded like the class that it stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from math import log, sqrt
from typing import NamedTuple

from attrgen.checks.contrasts import axes
from attrgen.checks.rule import Hit, Lists, set_rule
from attrgen.checks.words import content, stem, words
from attrgen.schema.attribute_set import OTHER

NEAREST = 3  # texts of a class that count, as in the method's own score
MARGIN = 0.04  # of cosine; no text of the curated library exceeds it
_AXES = ("density", "outline", "texture", "thickness", "size")

# Words that name the same thing; a text with one of a line counts as having the line's first word, too.
_SYNONYMS = """
    margin border edge outline rim contour boundary
    interior inside centre center core middle
    mass lump lesion nodule swelling bulk
    cavity pocket space hole
    spot dot speck fleck point
    line stripe streak strand band
    bulge dome hump protrusion
    fluid liquid water watery
    region area zone
    shade tone
    ring halo
    vessel artery vein capillary
    layer sheet
"""

_Terms = frozenset[str]
_Weights = Mapping[str, float]


class _Vector(NamedTuple):
    """The terms of a text, and the square of its length: the sum of their squared weights."""

    terms: _Terms
    square: float


@set_rule("nearer-to-own", "warning")
def nearer_to_own(lists: Lists) -> Iterator[Hit]:
    """a confusion text worded more like its own class than like the class it is mistaken for"""
    common = Counter(term for texts in lists.texts.values() for text in texts for term in _terms(text))
    count = sum(map(len, lists.texts.values()))
    weights = {term: log((count + 1) / (number + 1)) + 0.1 for term, number in common.items()}
    banks = {name: [_vector(text, weights) for text in lists.positives(name)] for name in lists.spellings}
    for slot, texts in lists.texts.items():
        if slot.kind != "confusion" or slot.confused in (None, OTHER):
            continue
        own, mimicked = banks.get(slot.class_name, []), banks.get(slot.confused or "", [])
        if not own or not mimicked:
            continue
        for position, text in enumerate(texts):
            vector = _vector(text, weights)
            lead = _nearness(vector, own, weights) - _nearness(vector, mimicked, weights)
            if lead > MARGIN:
                message = (
                    f"is worded more like '{slot.class_name}' than like '{slot.confused}', which it is for"
                )
                yield Hit(slot, position, message)


def _terms(text: str) -> _Terms:
    """The stems of a text, and the common names of those that have one."""
    stems, shared = content(text), _shared_names()
    return stems | {shared[word] for word in stems if word in shared}


@cache
def _shared_names() -> Mapping[str, str]:
    """By stem: the alternative of an axis that it takes, or the first of its synonyms."""
    sides = {
        word: f"{axis} {side}" for axis in _AXES for side, stems in enumerate(axes()[axis]) for word in stems
    }
    lines = _SYNONYMS.strip().splitlines()
    return sides | {stem(word): line.split()[0] for line in lines for word in words(line)}


def _vector(text: str, weights: _Weights) -> _Vector:
    terms = _terms(text)
    return _Vector(terms, _square(terms, weights))


def _square(terms: _Terms, weights: _Weights) -> float:
    return sum(weights[term] ** 2 for term in terms)


def _nearness(vector: _Vector, bank: Iterable[_Vector], weights: _Weights) -> float:
    """Mean cosine to the nearest texts of a bank, rare words weighing more (TF-IDF)."""
    nearest = sorted((_cosine(vector, other, weights) for other in bank), reverse=True)[:NEAREST]
    return sum(nearest) / len(nearest)


def _cosine(one: _Vector, other: _Vector, weights: _Weights) -> float:
    shared = _square(one.terms & other.terms, weights)
    return shared / sqrt(one.square * other.square) if shared else 0.0
