"""Which of the texts in an answer may be kept: the linter's error-level rules, and no text twice."""

from __future__ import annotations

from collections.abc import Sequence

from attrgen.card import Card
from attrgen.plan import Slot


def defects(texts: Sequence[str], slot: Slot, card: Card) -> dict[int, list[str]]:
    """The reasons against each bad text, by its position; good texts are left out."""
    try:
        from attrgen.check import check_texts
    except ImportError:
        findings = []
    else:
        findings = check_texts(
            list(texts), class_name=slot.class_name, kind=slot.kind, confused=slot.confused, card=card
        )
    reasons: dict[str, list[str]] = {}
    for finding in findings:
        if finding.level == "error":
            reasons.setdefault(finding.text, []).append(finding.message)
    bad: dict[int, list[str]] = {}
    seen: set[str] = set()
    for place, text in enumerate(texts):
        if text.casefold() in seen:
            bad[place] = ["it is there twice"]
        elif text in reasons:
            bad[place] = reasons[text]
        seen.add(text.casefold())
    return bad
