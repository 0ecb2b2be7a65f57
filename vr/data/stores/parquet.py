"""Parquet tables with image bytes in a column, as data sets are published: one image per row."""

from __future__ import annotations

import threading
from itertools import accumulate
from pathlib import Path
from typing import IO, Any

from attrgen.core.decoding import decoding
from attrgen.core.errors import UserError
from attrgen.core.extras import needed
from vr.data.stores import remote

_MOST_ROWS = 10_000_000
_LARGEST_GROUP = 2**31  # bytes; a group of rows is in memory at a time
_USUAL_NAMES = ("image", "img", "bytes", "content", "jpg", "png")  # where several columns hold bytes


class ParquetTable:
    """The images of a table. See `vr.data.stores.container.Container`.

    A name is the number of a row, from 0. The column of the images holds bytes, or a struct with the field
    `bytes`. One group of rows is in memory at a time.

    Raises:
        UserError: pyarrow is not installed, it is no Parquet file, or no single column holds images.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()  # pyarrow's readers share a file
        parquet = _pyarrow_parquet(path)
        with decoding(
            path, what="not a Parquet file that can be read", code="parquet-unreadable", remedy="Restore it."
        ):
            self._file = parquet.ParquetFile(_file(path))
            meta = self._file.metadata
            groups = [meta.row_group(group) for group in range(meta.num_row_groups)]
            if meta.num_rows > _MOST_ROWS or any(group.total_byte_size > _LARGEST_GROUP for group in groups):
                raise ValueError("it has too many rows, or too many bytes in a group of rows")
            self._column = _image_column(self._file.schema_arrow, path)
            self._ends = list(accumulate(group.num_rows for group in groups))  # rows up to each group's end
        digits = len(str(max(0, meta.num_rows - 1)))
        self.names: tuple[str, ...] = tuple(f"{row:0{digits}d}" for row in range(meta.num_rows))
        self._group, self._rows = -1, []  # type: tuple[int, list[Any]]

    def read(self, name: str) -> bytes:
        try:
            row = int(name)
            group = next(number for number, end in enumerate(self._ends) if row < end)
        except (ValueError, StopIteration) as error:
            raise UserError(
                "there is no such row",
                code="data-unreadable-file",
                file=self.path_of(name),
                remedy="Check the number.",
            ) from error
        with self._lock:
            if group != self._group:
                self._rows = self._read_group(group, name)
                self._group = group
            value = self._rows[row - (self._ends[group - 1] if group else 0)]
        value = value.get("bytes") if isinstance(value, dict) else value
        return b"" if value is None else bytes(value)

    def head(self, name: str, size: int) -> bytes:
        return self.read(name)[:size]

    def path_of(self, name: str) -> str:
        return f"{self._path}/{name}"

    def _read_group(self, group: int, name: str) -> list[Any]:
        with decoding(
            self.path_of(name),
            what="cannot be read",
            code="data-unreadable-file",
            remedy="Restore the table.",
        ):
            rows: list[Any] = self._file.read_row_group(group, columns=[self._column]).column(0).to_pylist()
        return rows


def _image_column(schema: Any, path: str) -> str:
    """The column that holds image bytes."""
    import pyarrow.types as types

    def is_bytes(kind: Any) -> bool:
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    def holds_images(kind: Any) -> bool:
        if not types.is_struct(kind):
            return is_bytes(kind)
        return any(
            kind.field(i).name == "bytes" and is_bytes(kind.field(i).type) for i in range(kind.num_fields)
        )

    columns = [field.name for field in schema if holds_images(field.type)]
    usual = [name for name in _USUAL_NAMES if name in columns]
    if len(columns) == 1 or usual:
        return columns[0] if len(columns) == 1 else usual[0]
    holds = f"several columns hold bytes: {', '.join(columns)}" if columns else "no column holds image bytes"
    raise UserError(
        holds,
        code="parquet-no-image-column",
        file=path,
        remedy="Name the column of the images 'image'; paths of image files go into a list: one per line.",
    )


def _file(path: str) -> IO[bytes] | Path:
    return remote.open_file(path) if remote.is_url(path) else Path(path)


def _pyarrow_parquet(path: str) -> Any:
    with needed(
        "reading Parquet needs pyarrow",
        code="parquet-no-pyarrow",
        file=path,
        remedy="pip install 'biomedvr[parquet]'",
    ):
        from pyarrow import parquet
    return parquet
