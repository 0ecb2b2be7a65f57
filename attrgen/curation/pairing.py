"""Which of the texts that are gone became which of those that are new: pairs by likeness. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

LIKE = (
    0.55  # two sentences on different findings hardly ever reach it; one that was reworded seldom falls below
)


def likeness(one: str, other: str) -> float:
    """How alike two texts are, from 0 to 1: `difflib`'s ratio over characters, case aside."""
    return SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False).ratio()


def paired(gone: Sequence[str], new: Sequence[str], least: float = LIKE) -> dict[int, int]:
    """The position in `new` of what each position in `gone` became; the likest pair is chosen first.

    A text is in one pair at most; pairs less alike than `least` are left out. Ties go to the earlier text.
    """
    found = []
    matcher = SequenceMatcher(None, autojunk=False)
    for j, text in enumerate(new):
        matcher.set_seq2(text.casefold())
        for i, old in enumerate(gone):
            matcher.set_seq1(old.casefold())
            # The first two are upper bounds of the third and far cheaper.
            if matcher.real_quick_ratio() >= least and matcher.quick_ratio() >= least:
                ratio = matcher.ratio()
                if ratio >= least:
                    found.append((-ratio, i, j))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(found):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs
