"""The database of the cache of LLM answers: SQLite through `diskcache`, with nothing in it but text.

A file that others may write must not be able to run code, and `diskcache` unpickles every value that its
database marks as a pickle (CVE-2025-69872, unfixed). So this cache stores only `str`: keys and values of
other types are refused when they are written and when they are read. Only the owner may open the folder.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import diskcache
from diskcache.core import DBNAME

from attrgen.core.decoding import reason_of
from attrgen.core.errors import UserError
from attrgen.llm.text_disk import TextDisk

DAMAGED = "cache-damaged"
_CHECKED_UP_TO = 2**28  # bytes; to check a larger database at every start takes seconds
# A full disk, a lock, missing permissions: the entries are intact.
_INTACT = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
)


def opened(folder: Path) -> diskcache.Cache:
    """The database in a folder, created where there is none.

    Raises:
        UserError: it cannot be used; with the code `DAMAGED` where it can be replaced by a new one.
    """
    with reported(folder):
        file = folder / DBNAME
        if file.is_file() and file.stat().st_size <= _CHECKED_UP_TO:
            with closing(sqlite3.connect(file)) as connection:
                (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                raise ValueError(state)
        database = diskcache.Cache(
            str(folder),
            disk=TextDisk,
            eviction_policy="none",
            size_limit=2**40,
            cull_limit=0,
            statistics=0,
            tag_index=0,
        )
        database._sql("SELECT key, raw, mode, filename, value FROM Cache LIMIT 1").fetchall()
        return database


@contextmanager
def reported(folder: Path) -> Iterator[None]:
    """Errors of the database within the block become the user's errors."""
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        raise UserError(
            f"the cache cannot be used: {error.strerror or error}",
            code="cache-unusable",
            file=folder,
            remedy="Choose another folder with --cache.",
        ) from error
    except Exception as error:  # sqlite3 and diskcache raise many kinds for a database of another form
        if isinstance(error, sqlite3.Error) and _primary_code(error) in _INTACT:
            raise UserError(
                f"the cache cannot be used: {error}",
                code="cache-unusable",
                file=folder,
                remedy="Free space or correct the permissions, then run the same again: nothing is lost.",
            ) from error
        raise UserError(
            f"the cache cannot be read: {reason_of(error)}",
            code=DAMAGED,
            file=folder,
            remedy="Delete the folder: it only has answers that can be asked for again.",
        ) from error


def _primary_code(error: sqlite3.Error) -> int:
    """SQLite's result code without its details; 0 where Python raised the error itself."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
