"""Rows of a long piece of work, kept so that a kill costs nothing: a JSON line each, appended and flushed.

The first line says what the rows were made with. A line that a kill cut short is dropped when the work goes
on, and made again; so no row is lost and none is there twice.
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
        path: where it lies.
        head: what rows are made with; one that is there is gone on with only under the same.

    Raises:
        UserError: it was made with something else, is damaged, another process is at work on it, or it
            cannot be written.
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
        if end == 0:
            self._write([self._head])
        else:
            self._check_head()

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows, and hand them to the operating system, so that a killed process leaves them there.

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
        """Close it; `remove` it where its work is done."""
        self._file.close()
        if remove:
            self.path.unlink(missing_ok=True)

    def _lock(self) -> None:
        """Two processes that go on with one journal would make every row twice."""
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise UserError(
                "another process is at work on it", file=self.path, remedy="Wait for it, or stop it."
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
                f"was made with other settings: {', '.join(keys)}",
                file=self.path,
                remedy="Go on with the settings that it was begun with, or begin again with --force.",
            )

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UserError(
                "not a row of a prediction", file=self.path, line=number, remedy="Begin again with --force."
            ) from error
        if not isinstance(row, dict):
            raise UserError(
                "not a row of a prediction", file=self.path, line=number, remedy="Begin again with --force."
            )
        return row

    def _not_written(self, error: OSError) -> UserError:
        return UserError(
            f"cannot be written: {error.strerror or error}",
            file=self.path,
            remedy="What is done is kept: free space, then run the same again with --resume.",
        )


def _end_of_last_line(path: Path, block: int = 2**16) -> int:
    """Length of a file up to and with its last newline; 0 where there is none."""
    with path.open("rb") as file:
        place = file.seek(0, os.SEEK_END)
        while place:
            start = max(0, place - block)
            file.seek(start)
            found = file.read(place - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            place = start
    return 0
