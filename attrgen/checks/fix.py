"""`attrgen check --fix`: what a program may correct without asking, and nothing else in the file changes.

White space, numbering, markup, labels and invisible characters are removed (`cleaning.clean`), and a text
that is twice in a list is removed where it is repeated.
Every other character of the file, its layout included, stays as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from attrgen.checks.cleaning import clean
from attrgen.checks.form import readable
from attrgen.core.files import read_bytes, write_bytes
from attrgen.core.json_lines import JsonPath, LocatedJson, parse
from attrgen.core.locks import locked_file

_BYTE_ORDER_MARK = "\ufeff"


class Fixed(NamedTuple):
    """The corrected text of a file, and how many of its texts were tidied and removed."""

    source: str
    tidied: int = 0
    removed: int = 0


class _Cut(NamedTuple):
    """Characters from `start` to `end` that `new` replaces."""

    start: int
    end: int
    new: str = ""


def fix_file(path: Path) -> Fixed:
    """Fix a file. One that is not UTF-8 or not JSON stays as it is, and so does one without such problems.

    Raises:
        UserError: it cannot be read or written.
    """
    result = _fixed_content(path)
    if result.tidied or result.removed:
        with locked_file(path):
            result = _fixed_content(path)  # as it is now
            if not (result.tidied or result.removed):
                return result
            write_bytes(path, result.source.encode("utf-8"))
    return result


def _fixed_content(path: Path) -> Fixed:
    try:
        return fixed(read_bytes(path, what="attribute set").decode("utf-8"))
    except ValueError:
        return Fixed("")


def fixed(source: str) -> Fixed:
    """Fix the JSON of an attribute set.

    Raises:
        ValueError: it is not JSON.
    """
    mark = source[: source.startswith(_BYTE_ORDER_MARK)]
    source = source[len(mark) :]
    located = parse(source)
    tidied: list[_Cut] = []
    removed: list[_Cut] = []
    for paths in readable(located)[1].values():
        again = _again(located, source, paths)
        removed += _removals(located, paths, again)
        tidied += [cut for path in paths if path not in again for cut in _tidying(located, source, path)]
    for cut in sorted((*tidied, *removed), reverse=True):
        source = source[: cut.start] + cut.new + source[cut.end :]
    return Fixed(mark + source, len(tidied), len(removed))


def _again(located: LocatedJson, source: str, paths: Sequence[JsonPath]) -> set[JsonPath]:
    """The paths of texts that are in their list before, what `clean` removes aside."""
    elements = reduce(lambda value, key: value[key], paths[0][:-1], located.value)
    if len(elements) != len(paths):
        return set()  # something else than texts is in the list: a person has to correct that
    first: dict[str, JsonPath] = {}
    return {path for path in paths if first.setdefault(_cleaned(located, source, path), path) != path}


def _removals(located: LocatedJson, paths: Sequence[JsonPath], again: set[JsonPath]) -> Iterator[_Cut]:
    """With each element one comma and the white space after it are removed, so that the layout stays."""
    last_kept = max((index for index, path in enumerate(paths) if path not in again), default=0)
    for index, path in enumerate(paths):
        if path in again:
            start, end = located.spans[path]
            if index < last_kept:
                yield _Cut(start, located.spans[paths[index + 1]][0])
            else:
                yield _Cut(located.spans[paths[index - 1]][1], end)


def _tidying(located: LocatedJson, source: str, path: JsonPath) -> Iterator[_Cut]:
    cleaned = _cleaned(located, source, path)
    if cleaned != _text(located, source, path):
        start, end = located.spans[path]
        yield _Cut(start, end, json.dumps(cleaned, ensure_ascii=source[start:end].isascii()))


def _cleaned(located: LocatedJson, source: str, path: JsonPath) -> str:
    text = _text(located, source, path)
    return clean(text) or text  # a list of a set has no empty texts


def _text(located: LocatedJson, source: str, path: JsonPath) -> str:
    start, end = located.spans[path]
    return str(json.loads(source[start:end]))
