"""Which texts of an answer may not enter a set: those in which an error-level rule finds something."""

from __future__ import annotations

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
