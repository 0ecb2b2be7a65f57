"""JSON with line numbers: at which line of a file each value stands, and which keys repeat."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError

JsonPath = tuple[str | int, ...]

DEEPEST = 100  # levels of nesting; a set has five, and its provenance few more
MOST_VALUES = 2_000_000
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


@dataclass
class LocatedJson:
    """A parsed JSON value, the 1-based line of each path in it, and the paths whose key repeats.

    `spans` are the positions of strings, numbers and the like in the text, as (start, end) in characters.
    """

    value: Any
    lines: dict[JsonPath, int] = field(default_factory=dict)
    spans: dict[JsonPath, tuple[int, int]] = field(default_factory=dict)
    repeated: list[tuple[JsonPath, int]] = field(default_factory=list)

    def line(self, path: JsonPath) -> int | None:
        """Line of `path`, or of its nearest ancestor that is in the file."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def loads(text: str) -> Any:
    """A value of JSON from elsewhere, which later code may take apart recursively.

    Raises:
        ValueError: not JSON (`json.JSONDecodeError`), or nested too deeply.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return value
    raise ValueError("nested too deeply")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def parse(text: str, *, most_values: int = MOST_VALUES) -> LocatedJson:
    """Parse JSON, keeping lines.

    Args:
        most_values: how many values it can have; each takes some hundred bytes of memory.

    Raises:
        ValueError: not JSON (`json.JSONDecodeError`), nested too deeply, too many values, or something that
            could be read but not be written again: a number beyond all bounds, half of a surrogate pair.
    """
    _check_number_of_values(text, most_values)
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_float, parse_int=_int)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    located = LocatedJson(value)
    # The text is valid JSON from here on, so a walk over its tokens needs no checks of its syntax.
    tokens = _TOKEN.finditer(text)
    stack: list[_Container] = []
    line, seen = 1, 0
    for token in tokens:
        line += text.count("\n", seen, token.start())
        seen = token.start()
        mark = token.group()
        if mark[0] == '"' and _HALF_PAIR.search(mark) and not _is_whole(json.loads(mark)):
            raise json.JSONDecodeError("Half of a surrogate pair", text, token.start())
        parent = stack[-1] if stack else None
        if mark in ",:":
            if parent is not None and mark == ",":
                parent.advance()
        elif mark in "}]":
            stack.pop()
        elif parent is not None and parent.awaits_key:
            parent.key = json.loads(mark)
            parent.awaits_key = False
            path = (*parent.path, parent.key)
            if path in located.lines:
                located.repeated.append((path, line))
            located.lines[path] = line
        else:
            path = () if parent is None else (*parent.path, parent.key)
            if parent is None or not parent.is_object:
                located.lines[path] = line
            if mark in "{[":
                if len(stack) == DEEPEST:
                    raise ValueError("nested too deeply")
                stack.append(_Container(path, is_object=mark == "{"))
            else:
                located.spans[path] = token.span()
    return located


def parse_file(text: str, path: Path, *, code: str = "file-not-json", remedy: str) -> LocatedJson:
    """As `parse`, for the text of a user's file.

    Args:
        code: of the error.
        remedy: where no single line is at fault.

    Raises:
        UserError: not JSON, by file and line.
    """
    try:
        return parse(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"not JSON: {error.msg} (column {error.colno})",
            code=code,
            file=path,
            line=error.lineno,
            remedy="Look for a missing or repeated comma, quote or bracket there or on the line before.",
        ) from error
    except ValueError as error:
        raise UserError(f"not JSON: {error}", code=code, file=path, remedy=remedy) from error


def _check_number_of_values(text: str, most: int) -> None:
    marks = text.count(",") + text.count("[") + text.count("{")  # in texts as well: a bound from above
    if marks > most and sum(1 for mark in _TOKEN.finditer(text) if mark[0] in ",[{") > most:
        raise ValueError(f"more than {most:,} values")


class _Container:
    def __init__(self, path: JsonPath, *, is_object: bool) -> None:
        self.path = path
        self.is_object = is_object
        self.awaits_key = is_object
        self.key: str | int = 0

    def advance(self) -> None:
        if self.is_object:
            self.awaits_key = True
        else:
            assert isinstance(self.key, int)
            self.key += 1


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(f"the number {digits[:20]} is too large")
    return number


def _int(digits: str) -> int:
    try:
        return int(digits)
    except ValueError as error:
        raise ValueError(f"the number {digits[:20]}… is too long") from error


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
