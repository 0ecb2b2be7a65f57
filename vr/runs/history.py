"""`history.csv`: one row per epoch."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from attrgen.core.csv_rows import csv_rows
from attrgen.core.errors import UserError
from attrgen.core.files import read_text, write_text

HISTORY = "history.csv"
Row = dict[str, float]
_REMEDY = "Train the run again."


def write_history(path: Path, history: list[Row]) -> None:
    """Write `history.csv` into the run directory `path`; empty where nothing was trained by epochs."""
    text = io.StringIO()
    if history:
        rows = csv.DictWriter(text, list(history[0]), lineterminator="\n")
        rows.writeheader()
        rows.writerows(history)
    write_text(path / HISTORY, text.getvalue())


def read_history(path: Path) -> list[Row]:
    """Read `history.csv` of the run directory `path`; empty where there is none.

    Raises:
        UserError: a cell is not a number.
    """
    file = path / HISTORY
    if not file.is_file():
        return []
    rows = csv_rows(
        read_text(file, what="training history"), file, code="run-damaged-history", remedy=_REMEDY
    )
    _, titles = next(rows, (0, []))
    return [_row(titles, cells, file, line) for line, cells in rows]


def _row(titles: list[str], cells: list[str], file: Path, line: int) -> Row:
    try:
        row = {title: float(cell) for title, cell in zip(titles, cells, strict=True)}
        if not row.get("epoch", 0.0).is_integer() or "epoch" not in row:
            raise ValueError("the epoch is not a whole number")
    except ValueError as error:
        raise UserError(
            f"not a training history: {error}",
            code="run-damaged-history",
            file=file,
            line=line,
            remedy=_REMEDY,
        ) from error
    return row
