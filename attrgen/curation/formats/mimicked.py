"""Which class a published confusion sentence says that the image looks like, where it says so for sure.

BioMedVR's confusion lists belong to a class and leave open which other class each sentence is about: "a
lesion confined to the sella, mimicking a pituitary tumor". A sentence that names exactly one other class, and
not to deny it ("unlike a glioma"), is about that class.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from attrgen.schema.attribute_set import OTHER
from attrgen.schema.card import Card, fold

Names = Mapping[str, Iterable[str]]  # class -> spellings by which a sentence may name it

_DENIED = re.compile(
    r"\b(?:than|instead of|as opposed to|unlike|not|no|without|absence of|lack of|lacks?|excludes?)"
    r"(?:\s+[\w-]+){0,5}\s+$",
    re.IGNORECASE,
)


def names_of(card: Card) -> Names:
    """The spellings of each class that name it for sure: its name, and aliases of more than one word.

    One-word aliases are left out: 'normal' or 'benign' describes many things.
    """
    return {
        entry.name: {entry.name, *(text for text in sorted(entry.spellings()) if " " in text)}
        for entry in card.classes
    }


def mimicked(sentence: str, class_name: str, names: Names) -> str:
    """The class, a key of `names`, that a sentence about `class_name` names; else `other`."""
    owner = {fold(text): name for name, spellings in names.items() for text in spellings}
    named = set()
    for match in _pattern(owner).finditer(sentence):
        name = owner.get(fold(match[1]), class_name)
        clause = re.split(r"[,;:.()]", sentence[: match.start()])[-1]
        if name != class_name and not _DENIED.search(clause):
            named.add(name)
    return named.pop() if len(named) == 1 else OTHER


def _pattern(owner: Mapping[str, str]) -> re.Pattern[str]:
    # The longest first, so that 'dyed lifted polyps' is not taken for 'polyps'.
    spellings = sorted(owner, key=len, reverse=True)
    words = (r"[\s_-]+".join(map(re.escape, spelling.split())) for spelling in spellings)
    return re.compile(rf"\b({'|'.join(words)})(?:s|es)?\b", re.IGNORECASE)
