"""Rules on writing: what is no description but left over from a prompt, a program or a keyboard.

The file's name puts these rules after the older ones, whose order is a part of cached requests.
"""

from __future__ import annotations

import re
from functools import lru_cache

from attrgen.checks import clip_tokens
from attrgen.checks.cleaning import clean
from attrgen.checks.phrases import Phrases
from attrgen.checks.rule import Lists, text_rule
from attrgen.checks.rules.language import other_script
from attrgen.checks.words import quoted, tidy, words
from attrgen.schema.plan import Slot

_MARKUP = re.compile(
    r"\*\*|`|~~|__+|</?[A-Za-z!][^<>]*>|\]\(|[{}|\ufffd]|\\[A-Za-z(\[]|\$[^$\s][^$]*\$|https?://|\bwww\.|^#|"
    r"\"\s*:|\"\s*,\s*\"|[=-]>|;\s*$|\$\{|%[sd]\b|==|::|//"
)
_SQUARE = re.compile(r"\[[^\]]*\]?|<\s*[A-Za-z][\w ]*\s*>|\{\{?[^}]*\}\}?|_{2,}|\.{4,}|\bX{2,}\b|\?{2,}")
PLACEHOLDERS = """
    lorem ipsum, string of text, text string, string 1, string 2, string 3, string 4, string 5, string one,
    string two, first string, second string, another string, placeholder*, to be determined, tbd,
    todo, n a, text here, description here, goes here, your text, your description, your answer,
    insert the, insert a, insert text, insert description, insert your, fill in, sample text, example text,
    dummy text, some text, text text, description 1, description 2, description 3, description 4,
    description 5, description one, description two, first description, second description, third
    description, attribute 1, attribute 2, attribute 3, attribute one, first attribute, second attribute,
    another description, another attribute, next attribute, new attribute, finding 1, finding 2, feature 1,
    feature 2, foo bar, and so on, same as above, see above, as above, not applicable, not available,
    undefined, null, item 1, item 2, visual attribute, visual description, coming soon
"""
CHAT = """
    sure here, sure thing, of course here, i hope, let me, feel free, i will, i can,
    i cannot, i can t, i would, i have, i apologize, you asked, as requested, you are asking,
    certainly here, my answer, the answer, the following, below are, listed below, each description, words or
    less, in json, json object, json format, output format, the user, the assistant, the model, the prompt,
    the instructions, end of list, revised version, replacement text, good luck, thank you, happy to,
    hope this
"""
_PLACEHOLDERS = Phrases(PLACEHOLDERS.split(","))
_CHAT = Phrases(CHAT.split(","))
_ANNOUNCED = (("here", "are"), ("here", "is"), ("these", "are"), ("below", "is"))
_CHAT_STARTS = ("sure", "certainly", "okay", "ok", "absolutely", "assistant", "user", "system", "great")
_KEYBOARD = re.compile(
    r"asdf|sdfg|dfgh|fghj|ghjk|hjkl|lkjh|fdsa|qwer|wert(?=y|z)|ertyu|rtyu|tyui|yuio|uiop|poiu|zxcv|xcvb|cvbn|"
    r"vbnm|mnbv|abcd|bcde|12345|jkl;"
)
_NAME = re.compile(
    r"\b\w+_\w+|\b[a-z]+[A-Z][A-Za-z]*[a-z]\b|\b(?=\w*\d)(?=\w*[a-f])[0-9a-f]{8,}\b|\b[A-Za-z]+\d{3,}\b|"
    r"\b\w+\.(?:png|jpe?g|json|txt|py|dcm|csv|md|html?)\b|\b\w+\(\)|\b[a-z]+\.[a-z]+\.[a-z]+\b|\b0x[0-9a-f]+"
)
_PLAIN_WORDS = re.compile(r"[A-Za-z]?[a-z ,;'-]*\.?")  # hold no such name, and most texts are so
_REPEATED_LETTER = re.compile(r"([A-Za-z])\1{2,}|([^\w\s.])\2{2,}|\b(\w+)(?:[\s,]+\3\b){2,}", re.IGNORECASE)
_VOWELS = frozenset("aeiouy")
_LONGEST_WITHOUT_VOWEL = 4
_MOST_TOKENS = 0.6  # per letter; words of English and of medicine have fewer
_LETTERS = re.compile(r"(?:[^\W\d_]|\s)+")
_LEAST_LETTERS = 0.7  # share of letters and spaces


@text_rule("unclean", "warning")
def unclean(text: str, slot: Slot, lists: Lists) -> str | None:
    """numbering, a bullet, markup, a label, quotes or invisible characters around it; `--fix` removes them"""
    if clean(text) == tidy(text):
        return None
    return "has numbering, markup, a label, quotes or invisible characters around it; `--fix` removes them"


@text_rule("markup", "error")
def markup(text: str, slot: Slot, lists: Lists) -> str | None:
    """holds markup, JSON, code or an address"""
    match = _MARKUP.search(clean(text))
    return None if match is None else f"holds markup or code ('{match[0]}'); write one plain sentence"


@text_rule("placeholder", "error")
def placeholder(text: str, slot: Slot, lists: Lists) -> str | None:
    """a blank to fill in, or words that only stand for a text"""
    text = clean(text)
    text_words = words(text)
    match = _SQUARE.search(text)
    phrases = [" ".join(text_words[start:end]) for start, end in _PLACEHOLDERS.find(text_words)]
    if match is None and not phrases:
        return None
    quote = f"'{match[0]}'" if match is not None else quoted(phrases)
    return f"only stands for a text ({quote}); say what is seen"


@text_rule("addressed", "error")
def addressed(text: str, slot: Slot, lists: Lists) -> str | None:
    """speaks to the reader of an answer, or of the answer itself"""
    text = clean(text)
    text_words = words(text)
    phrases = [" ".join(text_words[start:end]) for start, end in _CHAT.find(text_words)]
    if text_words[:2] in _ANNOUNCED:
        phrases.append(" ".join(text_words[:2]))
    if text_words[:1] in (("here's",), ("here’s",)):
        phrases.append("here's")
    first = text_words[0] if text_words else ""
    if first in _CHAT_STARTS and text[len(first) : len(first) + 1] in (",", "!", ":", "."):
        phrases.append(first)
    return None if not phrases else f"speaks to a reader ({quoted(phrases)}); say only what is seen"


@text_rule("gibberish", "error")
def gibberish(text: str, slot: Slot, lists: Lists) -> str | None:
    """a name of a program or file, or letters that make no words"""
    text = clean(text)
    if other_script(text):
        return None  # the rule on language reports it
    for pattern in (_REPEATED_LETTER,) if _PLAIN_WORDS.fullmatch(text) else (_NAME, _REPEATED_LETTER):
        match = pattern.search(text)
        if match is not None:
            return f"holds '{match[0]}', which is no word; say what is seen in words"
    match = _KEYBOARD.search(text.casefold())
    noise = [match[0]] if match is not None else [word for word in words(text) if _is_noise(word)]
    if noise:
        return f"holds {quoted(noise)}, which is no word; say what is seen in words"
    letters = len(text) - len(_LETTERS.sub("", text))
    if letters < _LEAST_LETTERS * len(text):
        return "is hardly made of letters; say what is seen in words"
    return None


@lru_cache(maxsize=100_000)
def _is_noise(word: str) -> bool:
    """Whether letters make no English word, judged by vowels and by CLIP's vocabulary."""
    if len(word) <= _LONGEST_WITHOUT_VOWEL or not (word.isascii() and word.isalpha()):
        return False
    return not _VOWELS & set(word) or (clip_tokens.count(word) - 2) > _MOST_TOKENS * len(word)
