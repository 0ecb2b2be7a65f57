"""JSON as language models write it: a tolerant reader for text that strict JSON refuses.

It accepts trailing and missing commas, raw line breaks, typographic and single quotes, quotation marks
within a string, comments, words of Python, and a text that was cut off. It never runs or evaluates anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_MOST_STARTS = 200  # brackets at which a value is tried; prose may have many
_DEEPEST = 20
_CLOSING = {'"': '"”“', "“": '”"“', "'": "'’", "‘": "’'", "„": '“”"', "«": "»"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_CUT = object()  # a string without its end


def values(text: str) -> Iterator[Any]:
    """Every JSON object or list in a text, outermost ones only, in order; what is between them is skipped."""
    strict = json.JSONDecoder(strict=False)
    start, starts = _next(text, 0), 0
    while start >= 0 and starts < _MOST_STARTS:
        starts += 1
        try:
            value, end = strict.raw_decode(text, start)
        except (ValueError, RecursionError):
            reader = _Reader(text, start)
            try:
                value, end = reader.value(), reader.position
            except ValueError:
                start = _next(text, start + 1)
                continue
        yield value
        start = _next(text, end)


def _next(text: str, start: int) -> int:
    """The position of the next opening bracket, or -1."""
    positions = [position for position in (text.find("{", start), text.find("[", start)) if position >= 0]
    return min(positions, default=-1)


class _Reader:
    """Reads one value; `position` is then the first character after it."""

    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position

    def value(self, depth: int = 0) -> Any:
        """The value at the position.

        Raises:
            ValueError: there is none.
        """
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        char = self._peek()
        if char == "{":
            return self._object(depth)
        if char == "[":
            return self._list(depth)
        return self._string() if char in _CLOSING else self._word()

    def _list(self, depth: int) -> list[Any]:
        self.position += 1
        items = []
        while self._separated() not in ("", "]", "}"):
            item = self.value(depth + 1)
            if item is not _CUT:
                items.append(item)
        self.position += self._peek() == "]"
        return items

    def _object(self, depth: int) -> dict[str, Any]:
        self.position += 1
        pairs: dict[str, Any] = {}
        while (char := self._separated()) not in ("", "}", "]"):
            key = self._string() if char in _CLOSING else self._name()
            if self._peek() not in (":", ""):
                raise ValueError("a key without a value")
            self.position += 1
            if self._peek() == "" or key is _CUT:
                break
            item = self.value(depth + 1)
            if item is not _CUT:
                pairs[key] = item
        self.position += self._peek() == "}"
        return pairs

    def _string(self) -> Any:
        """The string at the position, or `_CUT`."""
        closing = _CLOSING[self.text[self.position]]
        self.position += 1
        chars: list[str] = []
        while self.position < len(self.text):
            char = self.text[self.position]
            self.position += 1
            if char == "\\":
                chars.append(self._escape())
            elif char in closing and self._ends():
                return "".join(chars)
            else:
                chars.append(char)
        return _CUT

    def _escape(self) -> str:
        char = self.text[self.position : self.position + 1]
        self.position += 1
        digits = self.text[self.position : self.position + 4]
        if char == "u" and len(digits) == 4 and all(digit in "0123456789abcdefABCDEF" for digit in digits):
            self.position += 4
            code = int(digits, 16)
            return "" if 0xD800 <= code <= 0xDFFF else chr(code)
        return _ESCAPES.get(char, char)

    def _ends(self) -> bool:
        """Whether the quotation mark just read ends its string: a value, a key or the list must end there."""
        rest = self.text[self.position : self.position + 200]
        after = rest.lstrip()
        if after[:1] in ("", "]", "}", ":"):
            return True
        if after[0] == ",":
            following = after[1:].lstrip()[:1]
            return following == "" or following in "]}{[/#" or following in _CLOSING or following.isdigit()
        return after[0] in _CLOSING and "\n" in rest[: len(rest) - len(after)]

    def _word(self) -> Any:
        """A number, or one of the words of JSON and Python."""
        start = self.position
        while self.position < len(self.text) and self.text[self.position] not in ",]}\n \t":
            self.position += 1
        word = self.text[start : self.position]
        return _WORDS[word] if word in _WORDS else float(word)

    def _name(self) -> str:
        """A key without quotation marks."""
        start = self.position
        while self.position < len(self.text) and (
            self.text[self.position].isalnum() or self.text[self.position] in "_-"
        ):
            self.position += 1
        if self.position == start:
            raise ValueError("no key")
        return self.text[start : self.position]

    def _separated(self) -> str:
        """The next character after white space, commas and comments; empty at the end."""
        while True:
            char = self._peek()
            if char == ",":
                self.position += 1
            elif char == "#" or self.text.startswith("//", self.position):
                end = self.text.find("\n", self.position)
                self.position = end if end >= 0 else len(self.text)
            else:
                return char

    def _peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1
        return self.text[self.position : self.position + 1]
