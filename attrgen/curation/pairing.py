"""Which removed text was reworded into which added one: pairs by similarity."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

# Two sentences on different findings hardly ever reach it; a reworded one is seldom below.
MIN_SIMILARITY = 0.55


def similarity(one: str, other: str) -> float:
    """How similar two texts are, from 0 to 1: `difflib`'s ratio over characters, case aside."""
    return SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False).ratio()


def paired(removed: Sequence[str], added: Sequence[str], minimum: float = MIN_SIMILARITY) -> dict[int, int]:
    """For positions in `removed`, the position of the reworded text in `added`; most similar pairs first.

    A text is in one pair at most; pairs less similar than `minimum` are left out. In a tie the earlier text
    counts.
    """
    candidates = []
    matcher = SequenceMatcher(None, autojunk=False)
    for j, text in enumerate(added):
        matcher.set_seq2(text.casefold())
        for i, old in enumerate(removed):
            matcher.set_seq1(old.casefold())
            # The first two are upper bounds of the third and far cheaper.
            if matcher.real_quick_ratio() >= minimum and matcher.quick_ratio() >= minimum:
                ratio = matcher.ratio()
                if ratio >= minimum:
                    candidates.append((-ratio, i, j))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(candidates):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs
