"""The rule on names: the negative bank of a class must not name that class."""

from __future__ import annotations

import re

from attrgen.card import fold
from attrgen.check.rule import Lists, text_rule
from attrgen.plan import Slot

# Words of a verdict, which name a class even alone where its full name holds them and no other class's does.
VERDICTS = frozenset({"normal", "healthy", "benign", "malignant"})


@text_rule("own-name", "error")
def own_name(text: str, slot: Slot, lists: Lists) -> str | None:
    """a confusion text that names its own class, though it tells what another class looks like"""
    if slot.kind != "confusion":
        return None
    names = _names(slot.class_name, lists)
    rest = fold(text)
    for other, spellings in lists.spellings.items():
        if other != slot.class_name:  # "dyed lifted polyp" does not name the class "polyp"
            longer = [name for name in spellings if any(own in name for own in names)]
            rest = _pattern(longer).sub("…", rest) if longer else rest
    found = _pattern(names).search(rest)
    if found is None:
        return None
    return f"names its own class ('{found[0]}'), though it should say what else the image shows"


def _names(class_name: str, lists: Lists) -> set[str]:
    own = {name for name in lists.spellings.get(class_name, ()) if re.search(r"[^\W\d_]", name)}
    others = [name for other, names in lists.spellings.items() if other != class_name for name in names]
    told = {word for name in own for word in name.split() if word in VERDICTS}
    return own | {word for word in told if not any(word in name.split() for name in others)}


def _pattern(names: list[str] | set[str]) -> re.Pattern[str]:
    """Any of the names as whole words, in the singular or plural; the longest counts."""
    ordered = sorted(names, key=lambda name: (-len(name), name))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?:e?s)?(?!\w)")
