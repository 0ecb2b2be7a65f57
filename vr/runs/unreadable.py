"""`unreadable.csv`: images that a run left out because they cannot be read."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from attrgen.core.csv_rows import csv_rows
from attrgen.core.errors import UserError
from attrgen.core.files import LARGEST_TABLE, read_text, write_text

UNREADABLE = "unreadable.csv"


def write_unreadable(path: Path, errors: Mapping[str, UserError]) -> None:
    """Write it into the run directory `path`, one row per image; without any, remove it.

    Args:
        errors: by the image's path in its collection.
    """
    if not errors:
        (path / UNREADABLE).unlink(missing_ok=True)
        return
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "error"])
    rows.writerows((image, error.what) for image, error in errors.items())
    write_text(path / UNREADABLE, text.getvalue())


def read_unreadable(path: Path) -> frozenset[str]:
    """Paths of the images that the run in `path` left out."""
    file = path / UNREADABLE
    if not file.is_file():
        return frozenset()
    text = read_text(file, what="list of unreadable images", largest=LARGEST_TABLE)
    rows = csv_rows(text, file, code="run-damaged-unreadable", remedy="Remove it, or train the run again.")
    return frozenset(cells[0] for _, cells in rows) - {"path"}
