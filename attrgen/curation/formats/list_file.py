"""A JSON object from class to list of texts: the format of AttrVR's, BioMedVR's and CuPL's files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from attrgen.core import json_lines
from attrgen.core.errors import UserError, one_or_many
from attrgen.core.files import read_bytes, read_text
from attrgen.schema.attribute_set import LONGEST_TEXT

_FORM = 'The format is {"CLASS": ["TEXT", "TEXT"], ...}.'


class ListFile(NamedTuple):
    """A file as read: its lists by class as spelled in it, the lines of classes, SHA-256, and its end."""

    path: Path
    lists: dict[str, list[str]]
    lines: dict[str, int | None]
    sha256: str
    final_newline: bool = True


def read(path: Path) -> ListFile:
    """Read a file.

    Raises:
        UserError: not there, not UTF-8, not JSON, or not of that format; each with its line.
    """
    text = read_text(path, what="attribute file")
    located = json_lines.parse_file(text, path, remedy="Get the file again.")
    errors = list(_errors(located, path))
    if errors:
        raise one_or_many(errors[:20])
    lines = {name: located.line((name,)) for name in located.value}
    sha256 = hashlib.sha256(read_bytes(path, what="attribute file")).hexdigest()
    return ListFile(path, located.value, lines, sha256, final_newline=text.endswith("\n"))


def dumps(lists: Mapping[str, Sequence[str]]) -> str:
    """The text of such a file: two-space indent, one text per line, UTF-8 kept, a newline at the end."""
    return json.dumps(lists, indent=2, ensure_ascii=False) + "\n"


def _errors(located: json_lines.LocatedJson, path: Path) -> Iterator[UserError]:
    for repeated, at in located.repeated:
        yield UserError(
            f"key '{repeated[-1]}' is there twice",
            code="import-repeated-key",
            file=path,
            line=at,
            remedy="Join the two.",
        )
    if not isinstance(located.value, dict) or not located.value:
        what = f"not an object with classes as keys, but {_sort(located.value)}"
        yield UserError(what, code="import-not-an-object", file=path, line=located.line(()), remedy=_FORM)
        return
    for name, texts in located.value.items():
        if not name.strip():
            yield UserError(
                "the name of a class is blank",
                code="import-blank-class",
                file=path,
                line=located.line((name,)),
            )
        if not isinstance(texts, list):
            what = f"not a list of texts, but {_sort(texts)}"
            yield _wrong_type(what, "import-not-a-list", located, path, (name,))
            continue
        for position, text in enumerate(texts):
            if not isinstance(text, str):
                what = f"not a text, but {_sort(text)}"
                yield _wrong_type(what, "import-not-a-text", located, path, (name, position))
            elif len(text) > LONGEST_TEXT:
                what = f"a text has {len(text):,} characters, and {LONGEST_TEXT:,} are the most"
                yield _wrong_type(what, "import-long-text", located, path, (name, position))


def _wrong_type(
    what: str, code: str, located: json_lines.LocatedJson, path: Path, key: tuple[str | int, ...]
) -> UserError:
    return UserError(what, code=code, file=path, line=located.line(key), class_name=str(key[0]), remedy=_FORM)


def _sort(value: object) -> str:
    sorts = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        type(None): "null",
    }
    if isinstance(value, (dict, list)) and not value:
        return "an empty object" if isinstance(value, dict) else "an empty list"
    return sorts.get(type(value), "a number")
