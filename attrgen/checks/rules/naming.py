"""Rules on names: a text describes a look, and the name of a class is none."""

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


@text_rule("class-name", "warning")
def class_name(text: str, slot: Slot, lists: Lists) -> str | None:
    """names a class instead of its look; captions may name their own, confusion texts the confused one"""
    text_words = words(text)
    allowed = {slot.class_name} if slot.kind in ("ensemble", "confusion") else set()
    allowed |= {slot.confused or ""}
    for name in lists.names.possible(text_words):
        named = None if name in allowed else lists.names.named(name, text_words)
        if named is not None:
            whose = "its own class" if name == slot.class_name else f"the class '{name}'"
            return f"names {whose} ('{named}'); describe the look instead"
    return None
