"""The rule on names: the negative bank of a class must not name that class."""

from __future__ import annotations

from attrgen.checks.rule import Lists, text_rule
from attrgen.checks.words import words
from attrgen.schema.plan import Slot


@text_rule("own-name", "error")
def own_name(text: str, slot: Slot, lists: Lists) -> str | None:
    """a confusion text that names its own class, though it tells what another class looks like"""
    if slot.kind != "confusion":
        return None
    name = lists.names.named(slot.class_name, words(text))
    if name is None:
        return None
    return f"names its own class ('{name}'), though it should say what else the image shows"
