"""The rule on contradiction: what a class's texts say of the same part must be possible at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from attrgen.checks.contrasts import side
from attrgen.checks.rule import Hit, Lists, set_rule
from attrgen.checks.words import word_set
from attrgen.schema.attribute_set import POSITIVE_KINDS
from attrgen.schema.plan import Slot

# Words for one and the same part of a finding, the first of each line as messages say it.
PARTS = {
    name: line.split()[0]
    for line in (
        "interior inside centre center core middle filling content contents lumen cavity cavities fluid",
        "border borders margin margins edge edges outline outlines contour contours boundary",
        "wall walls rim rims capsule halo",
        "lesion lesions mass masses nodule nodules tumor tumors tumour tumours lump lumps swelling swellings",
        "sphere spheres globe globes ball balls bubble bubbles",
        "cyst cysts",
        "papule papules plaque plaques",
        "polyp polyps growth growths",
        "area areas region regions patch patches zone zones field opacity opacities",
        "spot spots focus foci dot dots fleck flecks speck specks",
        "calcification calcifications deposit deposits",
        "pocket pockets",
        "nucleus nuclei",
        "background",
        "vessel vessels",
        "septum septa",
    )
    for name in line.split()
}
_AXES = ("density", "count")
_REACH = 4  # words, hyphenated ones counted as one, up to the part that a word describes
_WORD = re.compile(r"\w+(?:-\w+)*")
_LINKS = word_set("is are stays stay remains remain appears appear looks look seems seem was were")
_STOPS = word_set(
    """
    with without in on at from by to that which where while around surrounding within through beside near
    against behind beneath under over above below between than as like enclosing containing holding filling
    meets meeting
    """
)
# Brightness that depends on the sequence or the phase is no property of the part.
_CONDITIONAL = re.compile(
    r"\b(?:t1|t2|flair|weighted|(?<!every )phase|delayed|arterial|venous|plain scan|contrast)\b",
    re.IGNORECASE,
)


class Claim(NamedTuple):
    """What a text says of a part: on which axis, which alternative, in which word."""

    part: str
    axis: str
    side: int
    word: str


def claims(text: str) -> set[Claim]:
    """What a text says of the density and count of named parts."""
    result = set()
    text_words = _WORD.findall(text.casefold())
    for index, word in enumerate(text_words):
        for axis in _AXES:
            number = side(axis, word)
            if number is None or (axis == "density" and _CONDITIONAL.search(text)):
                continue
            part = _part(text_words, index, axis)
            if part is not None:
                result.add(Claim(part, axis, number, word))
    return result


@set_rule("contradiction", "warning")
def contradiction(lists: Lists) -> Iterator[Hit]:
    """says the opposite, in density or count, of what most of its class's texts say of the same part"""
    for name in dict.fromkeys(slot.class_name for slot in lists.texts):
        positions = [
            (Slot(name, kind), position)
            for kind in POSITIVE_KINDS
            for position in range(len(lists.texts.get(Slot(name, kind), ())))
        ]
        stated = [claims(lists.texts[slot][position]) for slot, position in positions]
        for index, (slot, position) in enumerate(positions):
            for claim in sorted(stated[index]):
                opposed = _opposed(claim, index, stated)
                if opposed is not None:
                    other, at = positions[opposed]
                    what = f"calls the {claim.part} '{claim.word}', against '{lists.texts[other][at]}'"
                    yield Hit(slot, position, f"{what}; keep what is true of most images")
                    break


def _opposed(claim: Claim, index: int, stated: Sequence[set[Claim]]) -> int | None:
    """The first text that says the opposite, if most do; where it is one against one, the later is wrong."""
    sides = [{c.side for c in other if (c.part, c.axis) == (claim.part, claim.axis)} for other in stated]
    if sides[index] != {claim.side}:
        return None  # it names both, as "a white spot in a dark area" does
    agreeing = [i for i, group in enumerate(sides) if claim.side in group]
    opposed = [i for i, group in enumerate(sides) if group and claim.side not in group]
    if len(opposed) > len(agreeing) or (len(opposed) == len(agreeing) and opposed[0] < index):
        return opposed[0]
    return None


def _part(text_words: Sequence[str], index: int, axis: str) -> str | None:
    """The part that the word at `index` describes: the next noun, or the one before "is" or "of"."""
    for word in text_words[index + 1 : index + 1 + _REACH]:
        if word in _STOPS or word in _LINKS:
            break
        if word in PARTS:
            return PARTS[word]
    before = list(reversed(text_words[max(0, index - _REACH) : index]))
    links = {*_LINKS, "of"} if axis == "density" else _LINKS  # "a core of bright signal"
    link = next((i for i, word in enumerate(before) if word in links), None)
    if link is None:
        return None
    return next((PARTS[word] for word in before[link + 1 :] if word in PARTS), None)
