"""What an LLM writes around a text and does not mean: numbering, markup, labels, quotes and the like.

`clean` removes it where the text itself stays as it is. What cannot be removed safely is left for the rules
of `attrgen.checks.rules.writing`, which reject it.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

from attrgen.checks.words import tidy

_ROUNDS = 6  # marks are nested: '- **1. "Description: …"**'

_BULLET = re.compile(r"^(?:[-*+•‣◦▪▫■□●○·–—→➤➢►✓✔✗>#]+|\\item)\s+|^[•‣◦▪▫■□●○·➤➢►✓✔]+|^#{1,6}(?=[A-Za-z])")
_NUMBER = re.compile(
    r"^(?:[\[(]\d{1,3}[\])][.:]?|#?\d{1,3}[.):]|#?\d{1,3}\s+[-–—]|[\[(][A-Ha-h][\])]|[A-Ha-h]\)"
    r"|[\[(][ivx]{1,4}[\])]|[ivx]{1,4}\)|[B-H]\.)\s+",
)
_GLUED_NUMBER = re.compile(r"^\d{1,3}[.)](?=[A-Za-z])")  # "1.A dark spot"
_QUALIFIER = (
    "visual|visible|key|short|brief|image|distinctive|descriptive|confusion|main|new|next|final|class"
)
_NOUN = (
    "descriptions?|attributes?|features?|findings?|captions?|answers?|texts?|items?|examples?|outputs?|"
    "sentences?|statements?|responses?|options?|observations?|replacements?|details?|strings?|titles?|labels?|"
    "values?|content|descriptor|characteristics?|confusion|descriptive|distinctive"
)
_LABEL = re.compile(
    rf"^(?:(?:the|{_QUALIFIER})\s+)*(?:{_NOUN})(?:\s*[#(]?\s*(?:\d{{1,3}}|[A-H])\)?)?\s*[:：]\s*",
    re.IGNORECASE,
)
_NUMBERED_LABEL = re.compile(
    rf"^(?:(?:{_QUALIFIER})\s+)*(?:{_NOUN})\s*#?\d{{1,3}}\s*[-–—.]\s+", re.IGNORECASE
)
_TOPIC = re.compile(  # only before what is complete without it
    r"^(?:shape|size|colou?r|texture|locations?|position|outline|margins?|borders?|edges?|brightness|density|"
    r"appearance|number|pattern|signal|contrast|surface|interior)\s*[:：]\s*"
    r"(?=(?:an?|the|one|two|three|several|many|multiple|numerous)\b)",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"(\*{1,3}|_{2,3}|~~|`{1,3})(?=\S)([^*`~]+?)(?<=\S)\1(?![\w*])")
_UNDERLINED = re.compile(r"^_(?=\S)([^_]+?)(?<=\S)_([.:]?)(?=\s|$)")
_LINK = re.compile(r"\[([^\]]+)\]\((?:https?://|#|/)[^)\s]*\)")
_TAG = re.compile(
    r"</?(?:p|b|i|u|em|strong|li|ul|ol|br|span|div|mark|code|h[1-6]|font)(?:\s[^<>]*)?/?>", re.I
)
_REFERENCE = re.compile(r"(?:\s*\[\d{1,3}\])+(?=[.]?$)")
_JSON_START = re.compile(r"^[\[{\s]*\"(?:\w[\w ]{0,30}\"\s*:\s*[\[{\s]*\")?(?=\w)|^[\[{]+\s*(?=[A-Z])")
_JSON_END = re.compile(r"\"\s*,?\s*[\]}]+[\s\]},;]*$|\"\s*[,;]\s*$|(?<=[.\w])\s*[\]}]+,?$")
_PLACEHOLDER_START = re.compile(r"^[\[{][A-Za-z_ ]+[\]}]")
_PAIRS = (('"', '"'), ("“", "”"), ("„", "“"), ("«", "»"), ("'", "'"), ("‘", "’"), ("`", "`"))
# Most texts are so plain that there is nothing to remove, and that must be quick.
_PLAIN = re.compile(r"[A-Za-z](?!\.)[A-Za-z ,;.'-]*")


@lru_cache(maxsize=100_000)
def clean(text: str) -> str:
    """The text without what stands around it; `""` where nothing else was there.

    Words, their order and punctuation within the text stay. The same text again gives the same result.
    """
    return tidy(text) if _PLAIN.fullmatch(text) else _cleaned(text)


def _cleaned(text: str) -> str:
    text = tidy(_visible(text))
    for _ in range(_ROUNDS):
        before = text
        for step in (_json_removed, _markup_removed, _marks_removed, _quotes_removed):
            text = tidy(step(text))
        if text == before:
            break
    return text


def _visible(text: str) -> str:
    """Without characters that are not seen, and without emoji; escapes of JSON and HTML become characters."""
    text = re.sub(r"&(?:[a-z]{2,8}|#\d{1,5}|#x[0-9a-f]{1,5});", lambda match: html.unescape(match[0]), text)
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    text = re.sub(r"\d\ufe0f?\u20e3", " ", text)  # a keycap is a list's number
    text = re.sub(r"^(?:\\[nrt])+|\\[nrt](?![a-z])", " ", text).replace('\\"', '"')
    if text.isascii() and text.isprintable():
        return text
    return "".join(character for character in text if not _is_unseen(character))


def _is_unseen(character: str) -> bool:
    if character.isascii():
        return not (character.isprintable() or character.isspace())
    number = ord(character)
    is_emoji = (
        number >= 0x1F000
        or 0x2600 <= number < 0x2713
        or 0x2718 <= number < 0x27C0
        or 0x2B00 <= number < 0x2C00
    )
    is_joined = 0xFE00 <= number < 0xFE10 or number == 0x20E3
    return (
        (is_emoji and number < 0x20000) or is_joined or unicodedata.category(character) in ("Cf", "Cc", "Co")
    )


def _json_removed(text: str) -> str:
    """Without the JSON around one string; a start and an end are judged alone, for texts are cut anywhere."""
    if text.startswith(("{", "[")) and _PLACEHOLDER_START.match(text):
        return text
    start = _JSON_START.match(text)
    if start is not None and (len(start[0]) > 1 or text.count('"') == 1):
        text = text[start.end() :]
    end = _JSON_END.search(text)
    if end is not None and not _closes(text, end[0]):
        text = text[: end.start()]
    return text


def _closes(text: str, end: str) -> bool:
    """Whether a bracket at the end closes one that the text opens."""
    return any(
        mark in end and text.count(opening) >= text.count(mark) for opening, mark in (("[", "]"), ("{", "}"))
    )


def _markup_removed(text: str) -> str:
    text = _TAG.sub(" ", _LINK.sub(r"\1", text))
    text = _EMPHASIS.sub(r"\2", text)
    text = _UNDERLINED.sub(r"\1\2", text)
    text = re.sub(r"^\*{2,3}(?=\w)|(?<=[\w.])\*{2,3}$|^`{3}\w*\s|\s?`{3}$", "", text)
    return _REFERENCE.sub("", text)


def _marks_removed(text: str) -> str:
    for pattern in (_BULLET, _NUMBER, _GLUED_NUMBER, _NUMBERED_LABEL, _LABEL, _TOPIC):
        text = pattern.sub("", text, count=1)
    return text


def _quotes_removed(text: str) -> str:
    for first, last in _PAIRS:
        inner = text[1:-1]
        if len(text) > 2 and text[0] == first and text[-1] == last and not {first, last} & set(inner):
            return inner
    if text.count('"') == 1 and (text.startswith('"') or text.endswith(('"', '",'))):
        return text.removesuffix('",').strip('"')
    return text
