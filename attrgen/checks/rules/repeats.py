"""Rules on repetition: the same said twice within a list, within a class, and of two classes.

Nearness is in wording: the share of common word stems, the class's own name left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrgen.checks.contrasts import contrast
from attrgen.checks.overlaps import overlapping
from attrgen.checks.rule import Hit, Lists, list_rule, set_rule
from attrgen.checks.words import content, stem, words
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

    def repeats(one: _Place, other: _Place) -> bool:
        same = one[0] == other[0] and words(_text(lists, one)) == words(_text(lists, other))
        return not same  # which is a plain duplicate

    banks: dict[tuple[str, str], list[_Place]] = {}
    for place in _places(lists):
        banks.setdefault(_bank(place[0]), []).append(place)
    for places in banks.values():
        for one, other in _pairs(lists, places, NEAR, repeats):
            where = "" if one[0] == other[0] else f" in '{other[0].kind}'"
            yield Hit(*one, f"says nearly the same as '{_text(lists, other)}'{where}")


@set_rule("same-across-classes", "warning")
def same_across_classes(lists: Lists) -> Iterator[Hit]:
    """nearly the words of a text that stands for another class, so that it tells nothing apart"""

    def confuses(one: _Place, other: _Place) -> bool:
        return _bank(one[0]) != _bank(other[0]) and _meant(one[0]) != _meant(other[0])

    for one, other in _pairs(lists, _places(lists), NEAR_ACROSS, confuses):
        quote = f"'{_text(lists, other)}' ({other[0]})"
        yield Hit(*one, f"says nearly the same as {quote}, which stands for another class")


def _bank(slot: Slot) -> tuple[str, str]:
    """The texts that an image is compared with at one time."""
    return slot.class_name, "positive" if slot.kind in POSITIVE_KINDS else slot.kind


def _meant(slot: Slot) -> str:
    """The class whose look a list describes: the confused one, if it is known."""
    if slot.confused is None:
        return slot.class_name
    return f"{OTHER} than {slot.class_name}" if slot.confused == OTHER else slot.confused


def _places(lists: Lists) -> list[_Place]:
    """The texts that are compared with one another."""
    return [
        (slot, position)
        for slot, texts in lists.texts.items()
        if slot.kind != "ensemble"
        for position in range(len(texts))
    ]


def _text(lists: Lists, place: _Place) -> str:
    return lists.texts[place[0]][place[1]]


def _pairs(
    lists: Lists, places: Sequence[_Place], least: float, counts: Callable[[_Place, _Place], bool]
) -> Iterator[tuple[_Place, _Place]]:
    """For each text the first earlier one with at least that overlap in words, if there is one.

    Args:
        counts: of a text and an earlier one, whether they are a pair; never are two with a contrast.
    """
    sets = [_own_words(lists, slot, lists.texts[slot][position]) for slot, position in places]
    for index, earlier in overlapping(sets, least):
        for other in earlier:
            one, two = sets[index], sets[other]
            if counts(places[index], places[other]) and not contrast(one - two, two - one):
                yield places[index], places[other]
                break


def _own_words(lists: Lists, slot: Slot, text: str) -> frozenset[str]:
    names = {
        stem(word)
        for name in (slot.class_name, slot.confused)
        for spelling in lists.spellings.get(name or "", ())
        for word in words(spelling)
    }
    stems = content(text)
    return stems - names or stems
