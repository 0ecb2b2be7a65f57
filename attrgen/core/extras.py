"""Packages that only some commands need: what is missing, and how to install it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrgen.core.errors import UserError


@contextmanager
def needed(what: str, *, code: str, remedy: str, file: str | Path | None = None) -> Iterator[None]:
    """A block that imports a package of an extra, and does nothing else.

    Args:
        what: what needs which package.

    Raises:
        UserError: it is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise UserError(what, code=code, file=file, remedy=remedy) from error
