"""A CSV or Parquet file as text: the titles of its columns, and its rows with their numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from attrgen.core.errors import UserError
from attrgen.schema.table_columns import delimiter_of

Rows = Iterator[tuple[int, list[str]]]
SUFFIXES = (".csv", ".parquet")


def read_table(content: bytes, file: str) -> tuple[list[str], Rows]:
    """The titles of a table and its rows (line number, cells) as text.

    Args:
        file: its path; the suffix decides how it is read.

    Raises:
        UserError: it is not such a table; a damaged row raises when it is reached.
    """
    return _parquet(content, file) if file.lower().endswith(".parquet") else _csv(content, file)


def _csv(content: bytes, file: str) -> tuple[list[str], Rows]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            "not UTF-8 text", code="manifest-not-utf8", file=file, remedy="Save the file as UTF-8."
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text.split("\n", 1)[0]))
    header = next(reader, [])

    def rows() -> Rows:
        try:
            for row in reader:
                if row:
                    yield reader.line_num, row
        except csv.Error as error:
            raise UserError(
                f"not CSV: {error}",
                code="manifest-not-csv",
                file=file,
                line=reader.line_num,
                remedy="Correct the line.",
            ) from error

    return header, rows()


def _parquet(content: bytes, file: str) -> tuple[list[str], Rows]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UserError(
            "a Parquet manifest requires pyarrow",
            code="manifest-needs-pyarrow",
            file=file,
            remedy="pip install 'biomedvr[parquet]', or use CSV.",
        ) from error
    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(
            f"not a Parquet file: {error}", code="manifest-not-parquet", file=file, remedy="Write it again."
        ) from error
    columns: Sequence[list[object]] = [table.column(i).to_pylist() for i in range(table.num_columns)]
    cells = (["" if cell is None else str(cell) for cell in row] for row in zip(*columns, strict=True))
    return list(table.column_names), enumerate(cells, 1)
