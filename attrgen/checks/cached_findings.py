"""The findings in a file, cached by its content: a set that did not change is not checked again."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from attrgen.checks.file import check_bytes
from attrgen.checks.registry import EXTENSIONS
from attrgen.checks.rule import Finding
from attrgen.core.decoding import cached
from attrgen.core.errors import UserError
from attrgen.core.files import LARGEST_TABLE, read_bytes, write_bytes
from attrgen.core.version import program_version
from attrgen.schema.card import Card

_FINDINGS = TypeAdapter(list[Finding])
_DEFINED_IN = ("checks", "core", "schema")  # folders of this package that findings depend on


def check_once(path: Path, card: Card | None, folder: Path) -> list[Finding]:
    """What `check_file` finds in a file, from `folder` where the same was checked before.

    The same is the file, the card and the rules. Rules of other packages can change without a trace: where
    there are some, everything is checked again. A folder that cannot be written is left as it is.

    Raises:
        UserError: the file cannot be read.
    """
    content = read_bytes(path, what="attribute set")
    if EXTENSIONS.names():
        return check_bytes(content, path, card).findings
    file = folder / f"{_key(path, content, card)}.json"
    known = cached(lambda: _FINDINGS.validate_json(read_bytes(file, what="cache", largest=LARGEST_TABLE)))
    if known is not None:
        return known
    findings = check_bytes(content, path, card).findings
    with suppress(UserError, OSError, ValueError):  # half a surrogate pair is no JSON
        write_bytes(file, _FINDINGS.dump_json(findings))
    return findings


def _key(path: Path, content: bytes, card: Card | None) -> str:
    digest = hashlib.sha256(_version())
    for part in (str(path), "" if card is None else card.model_dump_json()):
        digest.update(part.encode("utf-8", "backslashreplace") + b"\0")
    digest.update(content)
    return digest.hexdigest()


@cache
def _version() -> bytes:
    """The digest of the program that checks."""
    digest = hashlib.sha256(program_version().encode())
    package = Path(__file__).parents[1]
    for file in sorted(file for name in _DEFINED_IN for file in (package / name).rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()
