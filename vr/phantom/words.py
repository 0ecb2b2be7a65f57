"""The visual words of `mini`, from `data/mini/words.toml`: phrases and the attribute values they claim."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import NamedTuple

from attrgen.core.resources import resource
from vr.phantom.finding import VALUES

ROLES = ("adj", "noun", "clause", "fragment")

# What may stand around a description without claiming anything.
OPENERS = (
    "",
    "",
    "",
    "",
    "there is",
    "one sees",
    "the picture shows",
    "image of",
    "a scan with",
    "a view of",
)
LINKS = ("and", "with", "beside", "next to", "together with", "plus", "near", "along with", ",")
SEVERAL = ("several", "a few", "many", "a cluster of", "a group of", "scattered", "multiple")
TWO = ("two", "a pair of", "two separate", "twin")


class Phrase(NamedTuple):
    """Some words, their role in a caption, and the values without which they would be untrue."""

    text: str
    role: str
    claims: frozenset[str]


@cache
def phrases() -> tuple[Phrase, ...]:
    """All phrases of the table."""
    table = tomllib.loads(resource("data", "mini", "words.toml").read_text("utf-8"))
    made = []
    for values, roles in table.items():
        claims = frozenset(values.split())
        if not claims <= set(VALUES) or not set(roles) <= set(ROLES):
            raise ValueError(f"words.toml: '{values}' is wrong, or one of its roles {list(roles)}")
        made += [Phrase(text, role, claims) for role, texts in roles.items() for text in texts]
    return tuple(made)


def plural(noun: str) -> str:
    """The plural of a head noun: of its last word, or of the word before 'of'."""
    head, of, rest = noun.partition(" of ")
    if head.endswith(("s", "x", "ch", "sh")):
        head += "es"
    elif head.endswith("y") and head[-2] not in "aeiou":
        head = head[:-1] + "ies"
    else:
        head += "s"
    return head + of + rest
