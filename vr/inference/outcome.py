"""The end of a prediction: the table, and the images that could not be read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.files import write_text
from vr.inference import prediction_table
from vr.inference.blocks import AT, Row, error_of


@dataclass(frozen=True)
class Outcome:
    """Result of a prediction: rows of the table, those written by an earlier call, errors, and notes."""

    rows: int
    before: int
    unreadable: list[UserError]
    notes: tuple[str, ...] = ()


def write_ordered(
    out: Path, classes: Sequence[str], rows: Iterable[Row], *, sets: bool, flags: bool, before: int = 0
) -> Outcome:
    """Write a table of rows that come in the order of the list; errors are returned, not written.

    Raises:
        UserError: the table cannot be written.
    """
    errors: list[UserError] = []
    count = 0

    def predicted() -> Iterator[prediction_table.Row]:
        nonlocal count
        for row in rows:
            if (error := error_of(row)) is not None:
                errors.append(error)
                continue
            count += 1
            yield without_position(row)

    prediction_table.write(out, classes, predicted(), sets=sets, flags=flags)
    return Outcome(count, before, errors)


def without_position(row: Row) -> prediction_table.Row:
    """A row as the table has it."""
    return {key: value for key, value in row.items() if key != AT}


def error_lines(unreadable: Sequence[UserError], *, most: int = 100) -> list[str]:
    """Lines that list the files that could not be read."""
    if not unreadable:
        return []
    files = "file" if len(unreadable) == 1 else "files"
    head = f"{len(unreadable):,} {files} could not be read:"
    lines = [head, *(f"  {error}" for error in unreadable[:most])]
    more = len(unreadable) - most
    return [*lines, f"  and {more:,} more; --errors FILE lists all"] if more > 0 else lines


def write_errors(unreadable: Iterable[UserError], path: Path) -> None:
    """Write a CSV of the files that could not be read: path and error."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "error"])
    rows.writerows([prediction_table.printable(error.file or ""), error.what] for error in unreadable)
    write_text(path, text.getvalue())
