"""The rule on white space, and the tidy form of a text that `attrgen check --fix` writes."""

from __future__ import annotations

from attrgen.check.rule import Lists, text_rule
from attrgen.schema.plan import Slot


@text_rule("white-space", "warning")
def white_space(text: str, slot: Slot, lists: Lists) -> str | None:
    """space at an end, doubled, or of an unusual kind; `--fix` mends it"""
    return (
        None
        if text == tidy(text)
        else "has space at an end, doubled, or of an unusual kind; `--fix` mends it"
    )


def tidy(text: str) -> str:
    """The text with single plain spaces between its words and none around them."""
    return " ".join(text.split())
