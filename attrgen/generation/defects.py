"""Which texts of an answer may enter a set, by the check rules, and which are the best of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from attrgen.checks import check_lists
from attrgen.checks.rule import ERRORS
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot


def defects_of(texts: Sequence[str], slot: Slot, card: Card) -> dict[int, list[str]]:
    """The reasons against each bad text, by its position; good texts have no entry."""
    reasons: dict[int, list[str]] = {}
    for finding in check_lists({slot: texts}, card, ERRORS):
        assert finding.position is not None
        reasons.setdefault(finding.position, []).append(finding.message)
    return reasons


def best_of(texts: Sequence[str], count: int, slot: Slot, card: Card) -> tuple[str, ...]:
    """The `count` texts with the fewest findings of any level, in their order; of equal ones the first."""
    if len(texts) <= count:
        return tuple(texts)
    findings = Counter(finding.position for finding in check_lists({slot: texts}, card))
    ranked = sorted(range(len(texts)), key=lambda position: (findings[position], position))
    return tuple(texts[position] for position in sorted(ranked[:count]))
