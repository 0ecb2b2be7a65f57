"""Rules on repetition: the same said twice within a list, within a class, and of two classes.

Nearness is in wording: the share of common word stems, the class's own name left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil

from attrgen.checks.contrasts import contrast
from attrgen.checks.rule import Hit, Lists, list_rule, set_rule
from attrgen.checks.words import content, overlap, stem, words
from attrgen.schema.attribute_set import OTHER, POSITIVE_KINDS
from attrgen.schema.plan import Slot

NEAR = 0.65  # Jaccard's index of the stems, within one class
NEAR_ACROSS = 0.75  # and between classes, whose organs and views have words in common anyway

_Place = tuple[Slot, int]


@list_rule("duplicate", "error")
def duplicate(texts: Sequence[str], slot: Slot) -> Iterator[tuple[int, str]]:
    """the same words twice in one list"""
    first: dict[object, int] = {}
    for position, text in enumerate(texts):
        earlier = first.setdefault(words(text) or text.strip(), position)
        if earlier != position:
            yield position, f"is there twice, first as number {earlier + 1} of the list"


@set_rule("near-duplicate", "warning")
def near_duplicate(lists: Lists) -> Iterator[Hit]:
    """nearly the words of another text of the same class, so that it adds nothing"""
    seen = set()
    for (one, here), (other, there) in _pairs(lists, NEAR):
        if _bank(one) != _bank(other) or (one, here) in seen:
            continue
        if one == other and words(lists.texts[one][here]) == words(lists.texts[one][there]):
            continue  # a plain duplicate
        seen.add((one, here))
        where = "" if one == other else f" in '{other.kind}'"
        yield Hit(one, here, f"says nearly the same as '{lists.texts[other][there]}'{where}")


@set_rule("same-across-classes", "warning")
def same_across_classes(lists: Lists) -> Iterator[Hit]:
    """nearly the words of a text that stands for another class, so that it tells nothing apart"""
    seen = set()
    for (one, here), (other, there) in _pairs(lists, NEAR_ACROSS):
        if _bank(one) == _bank(other) or _meant(one) == _meant(other) or (one, here) in seen:
            continue
        seen.add((one, here))
        quote = f"'{lists.texts[other][there]}' ({other})"
        yield Hit(one, here, f"says nearly the same as {quote}, which stands for another class")


def _bank(slot: Slot) -> tuple[str, str]:
    """The texts that an image is compared with at one time."""
    return slot.class_name, "positive" if slot.kind in POSITIVE_KINDS else slot.kind


def _meant(slot: Slot) -> str:
    """The class whose look a list describes: the confused one, if it is known."""
    if slot.confused is None:
        return slot.class_name
    return f"{OTHER} than {slot.class_name}" if slot.confused == OTHER else slot.confused


def _pairs(lists: Lists, least: float) -> Iterator[tuple[_Place, _Place]]:
    """Pairs of texts with at least that overlap in words and no contrast between them, the later one first.

    With Jaccard's index at least t, two sets of which one has n members share one of its n - ceil(t n) + 1
    rarest; so only texts that share a rare word are compared (Chaudhuri et al., ICDE 2006).
    """
    positions = [
        (slot, position)
        for slot, texts in lists.texts.items()
        if slot.kind != "ensemble"
        for position in range(len(texts))
    ]
    sets = [_own_words(lists, slot, lists.texts[slot][position]) for slot, position in positions]
    common = Counter(word for stems in sets for word in stems)
    having: dict[str, list[int]] = {}
    for index, stems in enumerate(sets):
        rare = sorted(stems, key=lambda word: (common[word], word))[
            : len(stems) - ceil(least * len(stems)) + 1
        ]
        candidates = sorted({earlier for word in rare for earlier in having.get(word, ())})
        for earlier in candidates:
            other = sets[earlier]
            if overlap(stems, other) >= least and not contrast(stems - other, other - stems):
                yield positions[index], positions[earlier]
        for word in rare:
            having.setdefault(word, []).append(index)


def _own_words(lists: Lists, slot: Slot, text: str) -> frozenset[str]:
    names = {
        stem(word)
        for name in (slot.class_name, slot.confused)
        for spelling in lists.spellings.get(name or "", ())
        for word in words(spelling)
    }
    stems = content(text)
    return stems - names or stems
