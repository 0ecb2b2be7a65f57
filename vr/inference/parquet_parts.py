"""Rows of a prediction as Parquet files, each of consecutive images; an error is a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attrgen.core.decoding import decoding
from attrgen.core.files import whole_file
from vr.inference.blocks import AT, ERROR, Row
from vr.inference.stored_row import has_form

_PLAIN = ("path", "predicted", "confidence", "abstained", "flagged", ERROR, "code", "remedy")


def write_part(path: Path, classes: Sequence[str], rows: Sequence[Row]) -> None:
    """Write rows atomically; columns that a row has not are empty.

    Raises:
        UserError: the file cannot be written.
    """
    import pyarrow
    from pyarrow import parquet

    text = pyarrow.string()
    kinds = {"confidence": pyarrow.float64(), "abstained": pyarrow.bool_(), "flagged": pyarrow.bool_()}
    columns = [(AT, pyarrow.int64()), *((name, kinds.get(name, text)) for name in _PLAIN)]
    columns += [("set", pyarrow.list_(text)), *((f"p({name})", pyarrow.float64()) for name in classes)]
    values: dict[str, list[Any]] = {
        name: [row.get(name) for row in rows] for name, _ in columns[: 2 + len(_PLAIN)]
    }
    for name in classes:
        values[f"p({name})"] = [row.get("probabilities", {}).get(name) for row in rows]
    with whole_file(path) as temporary:
        parquet.write_table(pyarrow.table(values, schema=pyarrow.schema(columns)), temporary)


def read_part(path: Path, classes: Sequence[str], *, sets: bool, flags: bool) -> Iterator[Row]:
    """The rows of a part, as they were written.

    Args:
        sets, flags: whether predictions have a set, and are flagged or not.

    Raises:
        UserError: it is damaged.
    """
    from pyarrow import parquet

    with decoding(
        path,
        what="not a part of a prediction",
        code="predict-damaged-part",
        remedy="Remove it, then run the same command again: only its images are predicted again.",
    ):
        for batch in parquet.ParquetFile(path).iter_batches():
            for stored in batch.to_pylist():
                row = _row(stored, classes)
                if not has_form(row, classes, sets=sets, flags=flags):
                    raise ValueError("a row has another form")
                yield row


def _row(stored: Row, classes: Sequence[str]) -> Row:
    if stored[ERROR] is not None:
        return {key: stored[key] for key in (AT, "path", ERROR, "code", "remedy")}
    optional = {key: stored[key] for key in ("set", "flagged") if stored[key] is not None}
    return {
        **{key: stored[key] for key in (AT, "path", "predicted", "confidence", "abstained")},
        **optional,
        "probabilities": {name: stored[f"p({name})"] for name in classes},
    }
