"""Rules on sentences that were cut before they came here, as a limit on an answer's tokens does."""

from __future__ import annotations

import re
import string
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache

from attrgen.checks import clip_tokens
from attrgen.checks.rule import Hit, Lists, list_rule, set_rule
from attrgen.checks.words import word_set, words
from attrgen.schema.plan import Slot

# Words that cannot end a sentence. Prepositions that can, as adverbs ("blurred underneath"), are left out.
UNFINISHED = word_set(
    """
    a an the this that these those its their his her every of with from into onto to at by for as than
    among amid toward towards upon via per during without including containing involving surrounding
    showing featuring forming becoming causing having making and or but nor whereas while when where if
    because whether which whose who may might must should will would can could more less very quite rather
    slightly somewhat partially relatively fairly such
    """
)
# These can after some words before them: "as white as bone is", "the space that it occupies".
_VERBS = word_set(
    """
    is are was were be been being has have had do does did shows displays demonstrates exhibits reveals
    contains includes displaces compresses surrounds encloses resembles invades involves occupies creates
    produces
    """
)
_VERBS_MAY_END_AFTER = word_set("as than like where what that which it they")
# These can in a whole sentence ("the bone it sits on"), but not where even the full stop is missing.
_UNFINISHED_WITHOUT_STOP = word_set("in on no not along within like against")

_ARTICLES = frozenset({"a", "an", "the", "its", "their"})
# Endings of adjectives that are hardly ever nouns; right after an article such a word lacks its noun.
_ADJECTIVE = re.compile(
    r"(?:[a-z-]{3,}(?:ous|less|shaped|defined|circumscribed|ish|geneous|gular|ical|tive|sive)"
    r"|upper|lower|inner|outer|neighbou?ring|adjacent|adjoining|surrounding|underlying|overlying)\Z"
)

_OPEN_END = (
    *",;:([{/&–—-…",
    "...",
    " e.g.",
    " e.g",
    " i.e.",
    " i.e",
    " such as",
    " for example",
    " for example.",
)
_STOPS = (".", "!", "?")
# What may follow a whole word to make another: "stroma" is not a cut "stromal".
_INFLECTIONS = word_set("s e es l al c ic ly y n r ry ary d ed")
_SHORTEST_CUT = 3


@set_rule("cut-off", "error")
def cut_off(lists: Lists) -> Iterator[Hit]:
    """ends in mid-sentence or mid-word, or leaves a bracket open"""
    complete_words = {word for texts in lists.texts.values() for text in texts for word in words(text)[:-1]}
    for slot, texts in lists.texts.items():
        for position, text in enumerate(texts):
            reason = _reason(text, complete_words)
            if reason is not None:
                yield Hit(slot, position, f"is cut off: it {reason}; complete it")


@list_rule("uneven-end", "warning")
def uneven_end(texts: Sequence[str], slot: Slot) -> Iterator[tuple[int, str]]:
    """the only one of a list without a full stop, which is how cut sentences look"""
    open_ends = [number for number, text in enumerate(texts) if not text.rstrip().endswith(_STOPS)]
    if len(open_ends) == 1 and len(texts) >= 4:
        yield open_ends[0], "has no full stop while all others of its list have one; it may be cut off"


def _reason(text: str, complete_words: set[str]) -> str | None:
    end = text.rstrip().casefold()
    if end.endswith(_OPEN_END):
        return f"ends in '{text.split()[-1]}'"
    if text.count("(") > text.count(")") or text.count("[") > text.count("]"):
        return "opens a bracket and does not close it"
    if text.count('"') % 2:
        return "opens a quotation and does not close it"
    if not end:
        return None
    last = end.split()[-1].strip(string.punctuation)  # a hyphenated word is one: "spike-like"
    before = words(text)[: len(words(text)) - len(words(last))]
    stop = end.endswith(_STOPS)
    if last in UNFINISHED or (not stop and last in _UNFINISHED_WITHOUT_STOP and "it" not in before):
        return f"ends in '{last}'"
    if last in _VERBS and not _VERBS_MAY_END_AFTER.intersection(before):
        return f"ends in '{last}'"
    if before and before[-1] in _ARTICLES and _ADJECTIVE.match(last):
        return f"ends in '{before[-1]} {last}', whose noun is missing"
    if not stop and _is_part_of_a_word(last.rpartition("-")[2], complete_words):
        return f"ends in '{last}', part of a word"
    return None


def _is_part_of_a_word(last: str, complete_words: set[str]) -> bool:
    """Whether `last` is no word by itself but the beginning of one."""
    if len(last) < _SHORTEST_CUT or not (last.isascii() and last.isalpha()):
        return False
    if last in complete_words or last in clip_tokens.whole_words():
        return False
    longer = [*_beginning_with(last), *(word for word in complete_words if word.startswith(last))]
    return any(word[len(last) :] not in _INFLECTIONS for word in longer)


def _beginning_with(start: str) -> list[str]:
    known = _known_words()
    first = bisect_right(known, start)
    return known[first : bisect_right(known, start + "{")]  # '{' follows 'z'


@cache
def _known_words() -> list[str]:
    return sorted(clip_tokens.whole_words())
