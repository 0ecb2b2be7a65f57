"""`history.csv`: one row per epoch."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.files import read_text, write_text

HISTORY = "history.csv"
Row = dict[str, float]


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
    rows = csv.DictReader(io.StringIO(read_text(file, what="training history")))
    try:
        return [{key: float(value) for key, value in row.items()} for row in rows]
    except (TypeError, ValueError) as error:
        raise UserError(
            f"not a training history: {error}",
            code="run-damaged-history",
            file=file,
            line=rows.line_num,
            remedy="Train the run again.",
        ) from error
