"""The strings in what a model answered, whatever it wrote around them: pure, no network.

Small slips are repaired here without another request: thoughts, prose and code fences around the answer,
slips in its JSON, other keys, a bare list, objects as items, a numbered list, repeated and surplus items.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from attrgen.llm import loose_json
from attrgen.schema.attribute_set import Text

_TEXT = TypeAdapter(Text)
_TAGS = "think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad"
_THOUGHTS = re.compile(rf"<({_TAGS})>.*?</\1>|\[THINK\].*?\[/THINK\]|◁think▷.*?◁/think▷", re.DOTALL | re.I)
_END_OF_THOUGHTS = re.compile(
    rf"</(?:{_TAGS})>|\[/THINK\]|◁/think▷|<\|channel\|>\s*final\s*<\|message\|>", re.I
)
_START_OF_THOUGHTS = re.compile(rf"<(?:{_TAGS})>|\[THINK\]|◁think▷|<\|channel\|>\s*analysis", re.I)
_SPECIAL = re.compile(r"<\|[a-z_]+\|>|\ufeff")
_LISTED = re.compile(r"^\s*(?:\(?\d{1,3}[.):]|[-*•–])\s+(?P<text>.+?)\s*$", re.MULTILINE)
_NUMBERED_KEY = re.compile(r"\d+|[A-Za-z_ ]*[_ ]?\d+")
_QUOTES = "\"'“”‘’«»"
_TEXT_KEYS = ("text", "description", "attribute", "value", "content", "caption", "finding", "name", "class")
_SCHEMA_KEYS = ("required", "enum", "type", "items")  # lists under these belong to a schema that is repeated


@dataclass(frozen=True)
class Reading:
    """The usable strings of an answer, no more than were asked for.

    Args:
        items: different valid strings, in order.
        problem: why there are fewer than asked for; empty where there are enough.
    """

    items: tuple[str, ...]
    problem: str = ""


def read(content: str, field: str, count: int, choices: Sequence[str] | None = None) -> Reading:
    """The strings of an answer.

    Args:
        content: what the model wrote.
        field: the key under which the list was asked for.
        count: how many strings were asked for.
        choices: the names that the strings must be among.
    """
    lists = list(_lists(without_thoughts(content), field))
    if not lists:
        return Reading((), f'it holds no JSON object with the key "{field}" and a list of strings.')
    readings = [(named, _usable(items, choices)) for named, items in lists]
    most = max(range(len(readings)), key=lambda i: (readings[i][0], min(len(readings[i][1][0]), count), i))
    usable, problems = readings[most][1]
    if len(usable) >= count:
        return Reading(tuple(usable[:count]))
    short = f"it has {len(usable)} usable strings instead of exactly {count}"
    return Reading(tuple(usable), "; ".join([short, *problems[:5]]) + ".")


def without_thoughts(content: str) -> str:
    """An answer without the thoughts before, within and after it."""
    text = _THOUGHTS.sub("", content)
    ends = list(_END_OF_THOUGHTS.finditer(text))
    if ends:  # the opening tag is often a part of the prompt
        rest = text[ends[-1].end() :]
        text = rest if rest.strip() else text
    start = _START_OF_THOUGHTS.search(text)
    if start is not None and text[: start.start()].strip():  # thoughts after the answer that never end
        text = text[: start.start()]
    return _SPECIAL.sub("", text)


def _lists(text: str, field: str) -> Iterator[tuple[int, list[Any]]]:
    """Every list that may be the answer, with 2 where its key is right, 1 for another key, 0 for prose."""
    singles: list[Any] = []
    any_list = False
    for value in loose_json.values(text):
        for named, items in _within(value, field):
            any_list = any_list or named == 2 or bool(items)
            yield named, items
        if isinstance(value, dict) and len(value) <= 3 and _string_of(value) is not None:
            singles.append(value)
    if len(singles) > 1:  # one object per line
        yield 2, singles
    if not any_list and not singles:
        listed = [match["text"].strip("*_` ").strip(_QUOTES + ",") for match in _LISTED.finditer(text)]
        if len(listed) > 1:
            yield 0, listed


def _within(value: Any, field: str, depth: int = 0) -> Iterator[tuple[int, list[Any]]]:
    """The lists of strings in a JSON value."""
    if isinstance(value, list):
        if any(_string_of(item) is not None for item in value):
            yield 1, value
        return
    if not isinstance(value, dict) or depth > 4:
        return
    for key, inner in value.items():
        if str(key).strip().lower() in (field, field.removesuffix("s"), field.removesuffix("es")):
            for items in _as_list(inner):
                yield 2, items
            if isinstance(inner, dict):
                yield from _within(inner, field, depth + 1)
        elif key not in _SCHEMA_KEYS:
            yield from _within(inner, field, depth + 1)
    if len(value) > 1 and all(
        isinstance(text, str) and _NUMBERED_KEY.fullmatch(key) for key, text in value.items()
    ):
        yield 1, list(value.values())


def _as_list(value: Any) -> Iterator[list[Any]]:
    """A value that stands where the list should be, as a list."""
    if isinstance(value, list):
        yield value
    elif isinstance(value, str):
        lines = [match["text"] for match in _LISTED.finditer(value)] or value.splitlines()
        yield [line for line in lines if line.strip()]
    elif isinstance(value, dict) and "type" not in value:
        texts = list(value.values())
        if texts and all(isinstance(text, str) for text in texts):
            yield texts


def _usable(items: Iterable[Any], choices: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """The different valid strings, and what is wrong with the others."""
    usable: list[str] = []
    problems: list[str] = []
    known: set[str] = set()
    for item in items:
        text = _string_of(item)
        if text is None:
            problems.append(f"{str(item)[:60]!r} is no string")
            continue
        text = " ".join(text.split())  # line breaks and no-break spaces carry no meaning
        if choices is not None:
            chosen = _chosen(text, choices)
            if chosen is None:
                problems.append(f"{text[:60]!r} is none of the names to choose from")
                continue
            text = chosen
        try:
            text = _TEXT.validate_python(text)
        except ValidationError as error:
            problems.append(f"{text[:60]!r}: {error.errors()[0]['msg'].removeprefix('Value error, ')}")
            continue
        if _folded(text) in known:
            problems.append(f"{text[:60]!r} is there twice")
            continue
        known.add(_folded(text))
        usable.append(text)
    return usable, problems


def _string_of(item: Any) -> str | None:
    """The text of an item: a string, or an object that holds one."""
    if isinstance(item, str):
        return item
    if isinstance(item, list) and len(item) == 1:
        return _string_of(item[0])
    if not isinstance(item, dict):
        return None
    for key in _TEXT_KEYS:
        if isinstance(item.get(key), str):
            return str(item[key])
    strings = [value for value in item.values() if isinstance(value, str)]
    return max(strings, key=len) if strings else None


def _chosen(text: str, choices: Sequence[str]) -> str | None:
    """The choice that is meant: spelled alike but for case, punctuation, quotes and numbering."""
    if text in choices:
        return text
    plain = _plain(re.sub(r"^\s*(?:\(?\d{1,3}[.):]|[-*•])\s+", "", text))
    matches = [choice for choice in choices if _plain(choice) == plain]
    return matches[0] if len(matches) == 1 else None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


def _folded(text: str) -> str:
    return text.casefold().rstrip(". ")
