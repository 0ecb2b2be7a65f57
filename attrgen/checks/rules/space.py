"""The rule on white space."""

from __future__ import annotations

from attrgen.checks.rule import Lists, text_rule
from attrgen.checks.words import tidy
from attrgen.schema.plan import Slot


@text_rule("white-space", "warning")
def white_space(text: str, slot: Slot, lists: Lists) -> str | None:
    """space at an end, doubled, or of an unusual kind; `--fix` corrects it"""
    return (
        None
        if text == tidy(text)
        else "has space at an end, doubled, or of an unusual kind; `--fix` corrects it"
    )
