"""The rule on negation: to CLIP "without calcification" is nearly "calcification"."""

from __future__ import annotations

import re

from attrgen.check.rule import Lists, text_rule
from attrgen.check.words import quoted
from attrgen.plan import Slot

# Regular expressions. A prefix ("non-enhancing") is part of its word and is let pass.
NEGATIONS = (
    "no", "not", "never", "none", "nor", "neither", "nothing", "nowhere", "cannot", r"\w+n['’]t",
    "without", "absence", "absent", r"lack(?:s|ed|ing)?", "devoid", "void of", r"free (?:of|from)",
    r"\w+-free",
    r"fail(?:s|ed|ing)? to", "missing", r"exclud(?:es?|ed|ing)", "except", "other than",
    "unlike", "rather than", "instead of", "as opposed to", r"in contrast (?:to|with)",
)  # fmt: skip
_NEGATION = re.compile(rf"(?<![\w-])(?:{'|'.join(NEGATIONS)})(?![\w-])", re.IGNORECASE)


@text_rule("negated", "error")
def negated(text: str, slot: Slot, lists: Lists) -> str | None:
    """states what is absent; CLIP does not read "no", "without" or "unlike" """
    found = _NEGATION.findall(text)
    if not found:
        return None
    return f"denies something ({quoted(found)}), which CLIP does not read; say what is seen in its place"
