"""New files that never replace a user's file, unless --force is given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from attrgen.core.decoding import cached
from attrgen.core.errors import UserError
from attrgen.core.files import read_bytes, write_text
from attrgen.core.locks import locked_file


def write_new(contents: Mapping[Path, str], *, force: bool = False) -> None:
    """Write text files; none of them where one exists already with other content.

    Raises:
        UserError: a file exists and `force` is not given, or a file cannot be written.
    """
    with ExitStack() as locks:
        for path in contents:
            locks.enter_context(locked_file(path))
        _write_new(contents, force)


def _write_new(contents: Mapping[Path, str], force: bool) -> None:
    for path, content in contents.items():
        if not force and path.exists() and not _holds(path, content):
            raise UserError(
                "is there already, and nothing was written",
                code="file-exists",
                file=path,
                remedy="Choose another path with --out, or replace it with --force.",
            )
    for path, content in contents.items():
        write_text(path, content)


def _holds(path: Path, content: str) -> bool:
    expected = content.encode("utf-8")
    return cached(lambda: read_bytes(path, what="file", largest=len(expected))) == expected
