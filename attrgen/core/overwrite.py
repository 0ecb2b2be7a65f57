"""Nothing of a user's is overwritten unasked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.files import write_text


def write_new(contents: Mapping[Path, str], *, force: bool = False) -> None:
    """Write text files, all or none where one of them is there already with another content.

    Raises:
        UserError: one is there, and `force` is not given; or it cannot be written.
    """
    for path, content in contents.items():
        if not force and path.exists() and not _holds(path, content):
            raise UserError(
                "is there already, and nothing was written",
                file=path,
                remedy="Choose another place with --out, or replace it with --force.",
            )
    for path, content in contents.items():
        write_text(path, content)


def _holds(path: Path, content: str) -> bool:
    try:
        return path.read_bytes() == content.encode("utf-8")
    except OSError:
        return False
