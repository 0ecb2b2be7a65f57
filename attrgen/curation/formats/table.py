"""A table with a row a text, for spreadsheets: CSV with the columns class, kind, confused, text."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrgen.core.errors import UserError, one_or_many
from attrgen.core.files import read_text
from attrgen.curation.formats.list_file import ListFile
from attrgen.schema.attribute_set import KINDS
from attrgen.schema.card import did_you_mean
from attrgen.schema.plan import Slot

COLUMNS = ("class", "kind", "confused", "text")


def dumps(lists: Mapping[Slot, Sequence[str]]) -> str:
    """The table's text, with a header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for slot, texts in lists.items():
        writer.writerows((slot.class_name, slot.kind, slot.confused or "", text) for text in texts)
    return stream.getvalue()


def read(path: Path) -> dict[tuple[str, str | None], ListFile]:
    """The lists of a table by kind and confused class, each as a file of its own would have them.

    Raises:
        UserError: not there, not UTF-8, a column is missing or a kind unknown; every place by its line.
    """
    text = read_text(path, what="table")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    found: dict[tuple[str, str | None], ListFile] = {}
    errors: list[UserError] = []
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        if missing := [name for name in COLUMNS if name not in header]:
            what = f"the column '{missing[0]}' is missing"
            raise UserError(what, file=path, line=1, remedy=f"Columns: {', '.join(COLUMNS)}.")
        for row in rows:
            if any(cell.strip() for cell in row):
                cells = dict(zip(header, row, strict=False))
                try:
                    _add(found, cells, path, rows.line_num, sha256)
                except UserError as error:
                    errors.append(error)
    except csv.Error as error:
        raise UserError(f"not CSV: {error}", file=path, line=rows.line_num) from error
    if errors:
        raise one_or_many(errors[:20])
    if not found:
        raise UserError("the table has no text", file=path)
    return found


def _add(
    found: dict[tuple[str, str | None], ListFile],
    cells: Mapping[str, str],
    path: Path,
    line: int,
    sha256: str,
) -> None:
    kind, confused = cells.get("kind", "").strip(), cells.get("confused", "").strip() or None
    name = cells.get("class", "").strip()
    if kind not in KINDS:
        raise UserError(f"'{kind}' is no kind", file=path, line=line, remedy=did_you_mean(kind, KINDS))
    if not name:
        raise UserError("the class is empty", file=path, line=line)
    if confused is not None and kind != "confusion":
        remedy = "Only confusion texts have one."
        raise UserError(f"a confused class beside '{kind}'", file=path, line=line, remedy=remedy)
    file = found.setdefault((kind, confused), ListFile(path, {}, {}, sha256))
    file.lists.setdefault(name, []).append(cells.get("text", ""))
    file.lines.setdefault(name, line)
