"""The rule on negation: to CLIP "without calcification" is nearly "calcification"."""

from __future__ import annotations

from attrgen.checks.phrases import Phrases
from attrgen.checks.rule import Lists, text_rule
from attrgen.checks.words import quoted, words
from attrgen.schema.plan import Slot

NEGATIONS = """
    no, not, never, none, nor, neither, nothing, nowhere, cannot, without, absence, absent, lack, lacks,
    lacked, lacking, devoid, void of, free of, free from, fails to, failed to, fail to, failing to,
    missing, exclude, excludes, excluded, excluding, except, other than, unlike, rather than, instead of,
    as opposed to, in contrast to, in contrast with
"""
_NEGATIONS = Phrases(NEGATIONS.split(","))
_ENDINGS = ("n't", "n’t", "-free")  # a prefix ("non-enhancing") names a look and is let pass


@text_rule("negated", "error")
def negated(text: str, slot: Slot, lists: Lists) -> str | None:
    """states what is absent; CLIP does not read "no", "without" or "unlike" """
    text_words = words(text)
    negations = [" ".join(text_words[start:end]) for start, end in _NEGATIONS.find(text_words)]
    if any(end in text for end in _ENDINGS):  # hardly ever, and that is quick to see
        negations += [word for word in text.casefold().split() if word.strip(",.;:").endswith(_ENDINGS)]
    if not negations:
        return None
    return f"denies something ({quoted(negations)}), which CLIP does not read; say what is seen in its place"
