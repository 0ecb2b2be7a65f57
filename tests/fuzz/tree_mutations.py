"""Damage to the values of JSON, TOML and CSV files, which stay JSON, TOML and CSV."""

from __future__ import annotations

import copy
import csv
import io
import json
import math
import tomllib
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from tests.fuzz import hostile_values
from tests.fuzz.byte_mutations import Mutation

Path = tuple[str | int, ...]
_LARGEST_PARSED = 20_000  # bytes


def in_json(rng: Random, content: bytes) -> bytes:
    """Some values of a JSON file changed, removed, added, repeated or renamed."""
    return to_json(rng, changed(rng, json.loads(content)))


def in_json_lines(rng: Random, content: bytes) -> bytes:
    """One line of a JSON-lines file changed."""
    lines = content.splitlines()
    number = rng.randrange(len(lines))
    lines[number] = to_json(rng, changed(rng, json.loads(lines[number])), indent=None)
    return b"\n".join(lines) + b"\n"


def repeat_key(rng: Random, content: bytes) -> bytes:
    """A JSON object with one of its lines twice."""
    lines = content.splitlines(keepends=True)
    number = rng.randrange(len(lines))
    return b"".join([*lines[:number], lines[number], *lines[number:]])


def deep_json(rng: Random, content: bytes) -> bytes:
    """2,000 brackets, closed or not."""
    depth = rng.choice((100, 2_000, 100_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    bottom = b"1" if rng.random() < 0.7 else b""
    return opening * depth + bottom + closing * (depth if bottom else 0)


def in_toml(rng: Random, content: bytes) -> bytes:
    """Some values of a TOML file changed, removed, added or renamed."""
    if len(content) > _LARGEST_PARSED:  # `toml_syntax` was here: to parse it would take hours
        return content
    values = changed(rng, tomllib.loads(content.decode()))
    return to_toml(values if isinstance(values, dict) else {"value": values})


def to_toml(values: dict[str, Any]) -> bytes:
    """TOML without tables of their own."""
    text = "\n".join(f"{_toml_key(key)} = {_toml(value)}" for key, value in values.items()) + "\n"
    return text.encode("utf-8", "surrogatepass")


def toml_syntax(rng: Random, content: bytes) -> bytes:
    """TOML whose syntax costs time or memory: keys of many parts, many brackets, long numbers."""
    depth = rng.choice((200, 5_000, 100_000))
    extra = rng.choice(
        (
            b".".join([b"a"] * depth) + b" = 1\n",
            b"[" + b".".join([b"a"] * depth) + b"]\n",
            b"x = " + b"[" * min(depth, 20_000) + b"]" * min(depth, 20_000) + b"\n",
            b"x = " + b"{a=" * min(depth, 20_000) + b"1" + b"}" * min(depth, 20_000) + b"\n",
            b"x = " + b"9" * depth + b"\n",
            b"x = 1e" + b"9" * 30 + b"\n",
            b"x = 9999-99-99T99:99:99Z\n",
            b'x = """' + b"\\\n" * depth,
            b"name = 1\nname = 2\n",
            b"\x00\x07",
        )
    )
    return extra + content if rng.random() < 0.7 else content + b"\n" + extra


def in_csv(rng: Random, content: bytes) -> bytes:
    """Some cells, rows or columns of a table changed."""
    rows = list(csv.reader(io.StringIO(content.decode())))
    for _ in range(rng.choice((1, 1, 2, 5))):
        number = rng.randrange(len(rows))
        row = rows[number]
        change = rng.randrange(6)
        if change < 3 and row:
            row[rng.randrange(len(row))] = str(_scalar(rng))
        elif change == 3:
            rows[number] = row[:-1] if rng.random() < 0.5 else [*row, hostile_values.text(rng)]
        elif change == 4:
            rows.insert(number, list(row))
        elif len(rows) > 1:
            del rows[number]
    stream = io.StringIO()
    delimiter = rng.choice((",", ",", ",", ";", "\t"))
    try:
        csv.writer(stream, delimiter=delimiter, lineterminator=rng.choice(("\n", "\r\n"))).writerows(rows)
    except csv.Error:
        return b'"unclosed,\n' + content
    text = stream.getvalue()
    return (text if rng.random() < 0.9 else text.replace(",", ',"', 1)).encode("utf-8", "surrogatepass")


def huge_text(rng: Random, content: bytes) -> bytes:
    """One line of some megabytes."""
    middle = len(content) // 2
    return (
        content[:middle]
        + rng.choice((b"a", b"[", b'"', b" ", b"\n", b"9", b",")) * 3_000_000
        + content[middle:]
    )


JSON: tuple[Mutation, ...] = (in_json,) * 12 + (repeat_key, deep_json)
JSON_LINES: tuple[Mutation, ...] = (in_json_lines,) * 8 + (repeat_key,)
TOML: tuple[Mutation, ...] = (in_toml,) * 12 + (toml_syntax,) * 2
CSV: tuple[Mutation, ...] = (in_csv,) * 8


def changed(rng: Random, tree: Any) -> Any:
    """A copy of a tree of dicts and lists with a few changes."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        paths = list(_paths(tree))
        if not paths or rng.random() < 0.02:
            return hostile_values.value(rng)
        _change(rng, tree, rng.choice(paths))
    return tree


def _change(rng: Random, tree: Any, path: Path) -> None:
    parent = tree
    for key in path[:-1]:
        parent = parent[key]
    key = path[-1]
    kind = rng.randrange(10)
    if kind < 5:
        parent[key] = hostile_values.value(rng)
    elif kind == 5:
        del parent[key]
    elif kind == 6 and isinstance(parent, dict):
        parent[hostile_values.text(rng)] = parent.pop(key)
    elif kind == 7 and isinstance(parent, dict):
        parent[hostile_values.text(rng)] = hostile_values.value(rng)
    elif kind == 8 and isinstance(parent, list):
        parent.extend(copy.deepcopy(parent) * rng.choice((1, 3)))
    elif isinstance(parent[key], str):
        parent[key] = parent[key] + hostile_values.text(rng)
    elif isinstance(parent[key], (int, float)) and not isinstance(parent[key], bool):
        parent[key] = -parent[key] * rng.choice((1, 10, 10**9))
    else:
        parent[key] = str(parent[key])


def _paths(tree: Any, path: Path = (), depth: int = 0) -> Iterator[Path]:
    if depth > 20:
        return
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _paths(value, (*path, key), depth + 1)


def to_json(rng: Random, value: Any, indent: int | None = 2) -> bytes:
    """JSON, NaN and lone surrogates too; sometimes in another encoding."""
    ascii_only = rng.random() < 0.5
    text = _dumps(value, ensure_ascii=ascii_only, indent=indent)
    if rng.random() < 0.03:
        return text.encode("utf-16", "surrogatepass")
    return text.encode("utf-8", "surrogatepass")


def _dumps(value: Any, **options: Any) -> str:
    try:
        return json.dumps(value, **options)
    except (ValueError, RecursionError):  # an integer of too many digits
        return json.dumps(str(type(value)))


def _scalar(rng: Random) -> Any:
    value = hostile_values.value(rng)
    try:
        return value if not isinstance(value, (dict, list)) else json.dumps(value)
    except ValueError:
        return "9" * 5000


def _toml(value: Any) -> str:
    writers: dict[type, Callable[[Any], str]] = {
        bool: lambda v: str(v).lower(),
        int: lambda v: str(v) if abs(v) < 10**100 else "1" + "0" * 400,
        float: lambda v: (
            "nan" if math.isnan(v) else str(v) if math.isfinite(v) else ("inf" if v > 0 else "-inf")
        ),
        str: lambda v: json.dumps(v, ensure_ascii=False).replace("\x7f", "\\u007F"),
        list: lambda v: "[" + ", ".join(map(_toml, v)) + "]",
        dict: lambda v: "{" + ", ".join(f"{_toml_key(k)} = {_toml(x)}" for k, x in v.items()) + "}",
        type(None): lambda v: '"null"',
    }
    return writers.get(type(value), lambda v: json.dumps(str(v)))(value)


def _toml_key(key: object) -> str:
    return json.dumps(str(key), ensure_ascii=False).replace("\x7f", "\\u007F")
