"""Which of the texts in an answer may be kept: those in which the error-level rules find nothing."""

from __future__ import annotations

from collections.abc import Sequence

from attrgen.check import check_lists
from attrgen.check.rule import ERRORS
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot


def defects(texts: Sequence[str], slot: Slot, card: Card) -> dict[int, list[str]]:
    """The reasons against each bad text, by its position; good texts are left out."""
    bad: dict[int, list[str]] = {}
    for found in check_lists({slot: texts}, card, ERRORS):
        assert found.position is not None
        bad.setdefault(found.position, []).append(found.message)
    return bad
