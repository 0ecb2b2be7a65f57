"""A CSV or Parquet file as text: the titles of its columns, and its rows with their numbers."""

from __future__ import annotations

import io
from typing import Any

from attrgen.core.csv_rows import Rows, csv_rows
from attrgen.core.decoding import decoding
from attrgen.core.errors import UserError
from attrgen.core.extras import needed
from attrgen.core.files import LARGEST_TABLE
from attrgen.schema.table_columns import delimiter_of

SUFFIXES = (".csv", ".parquet")
_MOST_ROWS = 100_000_000


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
    delimiter = delimiter_of(text.split("\n", 1)[0])
    rows = csv_rows(text, file, code="manifest-not-csv", delimiter=delimiter)
    _, header = next(rows, (0, []))
    return header, rows


def _parquet(content: bytes, file: str) -> tuple[list[str], Rows]:
    with needed(
        "a Parquet manifest requires pyarrow",
        code="manifest-needs-pyarrow",
        file=file,
        remedy="pip install 'biomedvr[parquet]', or use CSV.",
    ):
        from pyarrow import parquet
    with decoding(file, what="not a Parquet file", code="manifest-not-parquet", remedy="Write it again."):
        size = parquet.read_metadata(io.BytesIO(content))
        unpacked = sum(size.row_group(group).total_byte_size for group in range(size.num_row_groups))
        if unpacked > LARGEST_TABLE or size.num_rows > _MOST_ROWS:
            raise ValueError(f"it unpacks to {unpacked:,} bytes and {size.num_rows:,} rows")
        table = parquet.read_table(io.BytesIO(content))
        columns = [_texts(table.column(index)) for index in range(table.num_columns)]
        titles = list(table.column_names)
    return titles, enumerate(map(list, zip(*columns, strict=True)), 1)


def _texts(column: Any) -> list[str]:
    """The cells of a column as text; empty where there is no value."""
    return ["" if cell is None else str(cell) for cell in column.to_pylist()]
