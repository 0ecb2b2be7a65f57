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

from attrgen.core.errors import UserError

Row = Mapping[str, Any]
FORMAT = "journal/1"


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
            self._lock()
            end = _end_of_last_line(path)
            self._file.truncate(end)
        except OSError as error:
            raise self._not_written(error) from error
        try:
            if end == 0:
                self._write([self._head])
            else:
                self._check_head()
        except UserError:
            self._file.close()  # and so release the lock
            raise

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
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if number > 1:
                    yield self._parse(line, number)

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
        text = "".join(json.dumps(row) + "\n" for row in rows)
        try:
            self._file.write(text.encode())
            self._file.flush()
        except OSError as error:
            raise self._not_written(error) from error

    def _check_head(self) -> None:
        with self.path.open("rb") as lines:
            head = self._parse(next(lines), 1)
        if head != json.loads(json.dumps(self._head)):
            keys = sorted(key for key in {*head, *self._head} if head.get(key) != self._head.get(key))
            raise UserError(
                f"has other settings: {', '.join(keys)}",
                code="journal-other-settings",
                file=self.path,
                remedy="Continue with the settings that it was started with, or start again with --force.",
            )

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise UserError(
                "not a row of a prediction",
                code="journal-damaged",
                file=self.path,
                line=number,
                remedy="Start again with --force.",
            )
        return row

    def _not_written(self, error: OSError) -> UserError:
        return UserError(
            f"cannot be written: {error.strerror or error}",
            code="journal-not-written",
            file=self.path,
            remedy="The rows so far are kept: free space, then run the same command with --resume.",
        )


def _end_of_last_line(path: Path, block: int = 2**16) -> int:
    """Length of a file up to and including its last newline; 0 where there is none."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - block)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0
