"""Rules on length: what CLIP would not read to its end, and what says too little."""

from __future__ import annotations

from attrgen.checks import clip_tokens
from attrgen.checks.rule import Lists, text_rule
from attrgen.checks.rules.language import other_script
from attrgen.checks.words import content, words
from attrgen.schema.plan import Slot

FEWEST_WORDS = 3
FEWEST_CONTENT_WORDS = 2
LONGEST = 1000  # characters; what is longer need not be counted


@text_rule("over-long", "error")
def over_long(text: str, slot: Slot, lists: Lists) -> str | None:
    """more than CLIP's 77 tokens, start and end included: the rest would never be read"""
    if len(text) > LONGEST:
        return f"has {len(text)} characters, and CLIP reads {clip_tokens.CONTEXT} tokens; shorten it"
    if text.isascii() and "&" not in text and len(text) <= clip_tokens.CONTEXT - 2:
        return None  # a character makes at most one token
    tokens = clip_tokens.count(text)
    if tokens <= clip_tokens.CONTEXT:
        return None
    return f"has {tokens} tokens, and CLIP reads {clip_tokens.CONTEXT}; shorten it"


@text_rule("too-short", "error")
def too_short(text: str, slot: Slot, lists: Lists) -> str | None:
    """fewer than three words, or fewer than two that say something about the look"""
    if other_script(text):
        return None  # words are not counted in all scripts
    if len(words(text)) < FEWEST_WORDS or len(content(text)) < FEWEST_CONTENT_WORDS:
        return "says too little; name the finding with its shape, brightness, texture or place"
    return None
