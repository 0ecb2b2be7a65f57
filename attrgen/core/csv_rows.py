"""Rows of CSV text with their lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrgen.core.errors import UserError

Rows = Iterator[tuple[int, list[str]]]


def csv_rows(
    text: str | Iterable[str],
    file: str | Path,
    *,
    code: str,
    remedy: str = "Correct the line.",
    delimiter: str = ",",
) -> Rows:
    """Line (the last one of a row of several) and cells of each row that is not empty, the titles included.

    Args:
        text: all of it, or its lines with their ends.
        code: of the error.

    Raises:
        UserError: not CSV, by file and line.
    """
    lines = io.StringIO(text, newline="") if isinstance(text, str) else text
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise UserError(
            f"not CSV: {error}", code=code, file=file, line=reader.line_num, remedy=remedy
        ) from error
