"""A table with one row per text, for spreadsheets: CSV with the columns class, kind, confused, text."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrgen.core.errors import UserError, one_or_many
from attrgen.core.files import read_bytes, read_text
from attrgen.core.names import did_you_mean
from attrgen.curation.formats.list_file import ListFile
from attrgen.schema.attribute_set import KINDS, LONGEST_TEXT
from attrgen.schema.plan import Slot

COLUMNS = ("class", "kind", "confused", "text")
_MOST_ERRORS = 20


def dumps(lists: Mapping[Slot, Sequence[str]]) -> str:
    """The table's text, with a header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for slot, texts in lists.items():
        writer.writerows((slot.class_name, slot.kind, slot.confused or "", text) for text in texts)
    return stream.getvalue()


def read(path: Path) -> dict[tuple[str, str | None], ListFile]:
    """The lists of a table by kind and confused class, each like a list file.

    Raises:
        UserError: not there, not UTF-8, a column is missing or a kind is unknown; each with its line.
    """
    text = read_text(path, what="table")
    sha256 = hashlib.sha256(read_bytes(path, what="table")).hexdigest()
    files: dict[tuple[str, str | None], ListFile] = {}
    errors: list[UserError] = []
    for line, cells in _rows(text, path):
        try:
            slot = _slot(cells, path, line)
        except UserError as error:
            errors.append(error)
            continue
        file = files.setdefault((slot.kind, slot.confused), ListFile(path, {}, {}, sha256))
        file.lists.setdefault(slot.class_name, []).append(cells.get("text", ""))
        file.lines.setdefault(slot.class_name, line)
    if errors:
        raise one_or_many(errors[:_MOST_ERRORS])
    if not files:
        raise UserError("the table has no text", code="table-empty", file=path)
    return files


def _rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells by column of every row that is not empty."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        if missing := [name for name in COLUMNS if name not in header]:
            raise UserError(
                f"the column '{missing[0]}' is missing",
                code="table-missing-column",
                file=path,
                line=1,
                remedy=f"Columns: {', '.join(COLUMNS)}; 'confused' is empty but for confusion texts. "
                f"Kinds: {', '.join(KINDS)}.",
            )
        for row in rows:
            if any(cell.strip() for cell in row):
                yield rows.line_num, dict(zip(header, row, strict=False))
    except csv.Error as error:
        raise UserError(f"not CSV: {error}", code="table-not-csv", file=path, line=rows.line_num) from error


def _slot(cells: Mapping[str, str], path: Path, line: int) -> Slot:
    """The list that a row's text belongs to."""
    kind, confused = cells.get("kind", "").strip(), cells.get("confused", "").strip() or None
    name = cells.get("class", "").strip()
    if kind not in KINDS:
        raise UserError(
            f"'{kind}' is not a kind",
            code="table-unknown-kind",
            file=path,
            line=line,
            remedy=did_you_mean(kind, KINDS),
        )
    if not name:
        raise UserError("the class is empty", code="table-no-class", file=path, line=line)
    if len(cells.get("text", "")) > LONGEST_TEXT:
        raise UserError(
            f"a text has more than {LONGEST_TEXT:,} characters",
            code="import-long-text",
            file=path,
            line=line,
            remedy="Shorten it.",
        )
    if confused is not None and kind != "confusion":
        raise UserError(
            f"a confused class beside '{kind}'",
            code="table-confused-class",
            file=path,
            line=line,
            remedy="Only confusion texts have one.",
        )
    return Slot(name, kind, confused)
