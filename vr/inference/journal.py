"""Rows of a long task, kept so that a kill loses nothing: one JSON line per row, appended and flushed.

The first line records the settings. A line that a kill cut short is dropped on resuming and computed again;
so no row is lost or repeated.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrgen.core.decoding import cached
from attrgen.core.errors import UserError
from vr.inference import stored_row

Row = Mapping[str, Any]
FORMAT = "journal/2"
END = "end"  # the key of a row that closes a journal
_FORMATS = ("journal/1", FORMAT)  # rows of the first had no positions and no errors


class Journal:
    """A journal that is open for appending.

    Args:
        path: its file.
        head: the settings of the rows; an existing journal is continued only under the same.

    Raises:
        UserError: it has other settings, is damaged, another process uses it, or it cannot be written.
    """

    def __init__(self, path: Path, head: Row) -> None:
        self.path = path
        self._head = {"format": FORMAT, **head}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        except OSError as error:
            raise self._not_written(error) from error
        try:
            self._begin()
        except OSError as error:
            self._file.close()
            raise self._not_written(error) from error
        except UserError:
            self._file.close()  # and so release the lock
            raise

    def _begin(self) -> None:
        """Lock the file, check its first line, and cut off a last line that a kill left unfinished."""
        self._lock()
        end = _end_of_last_line(self.path)
        if end:
            self._check_head()
        elif not (line := self._line(self._head)).startswith(self._beginning(len(line))):
            raise _damaged(self.path, 1)  # another program's file, which must not be cut off
        self._file.truncate(end)
        if end == 0:
            self._write([self._head])

    def _beginning(self, size: int) -> bytes:
        self._file.seek(0)
        return self._file.read(size + 1)

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows, and hand them to the operating system, so that they survive a kill.

        Raises:
            UserError: the disk is full.
        """
        self._write(rows)

    def rows(self) -> Iterator[dict[str, Any]]:
        """All rows, from the first, one at a time.

        Raises:
            UserError: a line is damaged.
        """
        return (row for _, row in entries(self.path))

    def close(self, *, remove: bool = False) -> None:
        """Close it; `remove` it when its task is done."""
        self._file.close()
        if remove:
            self.path.unlink(missing_ok=True)

    def _lock(self) -> None:
        """Two processes that continue one journal would write every row twice."""
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise UserError(
                "another process is using it",
                code="journal-in-use",
                file=self.path,
                remedy="Wait for it, or stop it.",
            ) from error

    def _write(self, rows: Iterable[Row]) -> None:
        lines = b"".join(map(self._line, rows))
        try:
            self._file.write(lines)
            self._file.flush()
        except OSError as error:
            raise self._not_written(error) from error

    @staticmethod
    def _line(row: Row) -> bytes:
        return json.dumps(row).encode() + b"\n"

    def _check_head(self) -> None:
        head = head_of(self.path)
        asked = json.loads(json.dumps(self._head))
        if head.get("format") in _FORMATS:
            asked["format"] = head["format"]
        if head != asked:
            keys = sorted(key for key in {*head, *asked} if head.get(key) != asked.get(key))
            raise UserError(
                f"has other settings: {', '.join(keys)}",
                code="journal-other-settings",
                file=self.path,
                remedy="Continue with the settings that it was started with, or start again with --force.",
            )

    def _not_written(self, error: OSError) -> UserError:
        return UserError(
            f"cannot be written: {error.strerror or error}",
            code="journal-not-written",
            file=self.path,
            remedy="The rows so far are kept: free space, then run the same command with --resume.",
        )


def head_of(path: Path) -> dict[str, Any]:
    """The settings of a journal, and its format.

    Raises:
        UserError: the file has none, or cannot be read.
    """
    try:
        with path.open("rb") as lines:
            return _parse(path, lines.readline(), 1)
    except OSError as error:
        raise UserError(
            f"cannot be read: {error.strerror or error}",
            code="journal-unreadable",
            file=path,
            remedy="Check its permissions.",
        ) from error


def entries(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """All rows of a journal, from the first, with their offsets in the file.

    Raises:
        UserError: a line is damaged.
    """
    with path.open("rb") as lines:
        first = lines.readline()
        head, offset = _parse(path, first, 1) if first else {}, len(first)
        for number, line in enumerate(lines, start=2):
            row = _parse(path, line, number)
            if not stored_row.fits(row, head):
                raise _damaged(path, number)
            yield offset, row
            offset += len(line)


def last_row(path: Path) -> dict[str, Any] | None:
    """The last complete row of a journal, or its settings where it has none; None where there is neither."""
    end = _end_of_last_line(path)
    if not end:
        return None
    with path.open("rb") as file:
        file.seek(_end_of_last_line(path, before=end - 1))
        return _parse(path, file.readline(), 0)


def rows_at(path: Path, offsets: Iterable[int]) -> Iterator[dict[str, Any]]:
    """The rows of a journal at these offsets, in this order."""
    with path.open("rb") as lines:
        for offset in offsets:
            if offset != lines.tell():
                lines.seek(offset)
            yield json.loads(lines.readline())


def _parse(path: Path, line: bytes, number: int) -> dict[str, Any]:
    row = cached(lambda: json.loads(line))
    if not isinstance(row, dict):
        raise _damaged(path, number)
    return row


def _damaged(path: Path, number: int) -> UserError:
    return UserError(
        "not a row of a prediction",
        code="journal-damaged",
        file=path,
        line=number,
        remedy="Start again with --force.",
    )


def _end_of_last_line(path: Path, before: int | None = None, block: int = 2**16) -> int:
    """Offset behind a file's last newline, or its last one `before` an offset; 0 where there is none."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END) if before is None else before
        while end:
            start = max(0, end - block)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0
