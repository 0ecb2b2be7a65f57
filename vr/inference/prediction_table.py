"""Predictions as a table for other programs: CSV, JSON-lines or Parquet, by the file's ending."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrgen.core.errors import UserError
from attrgen.core.extras import needed
from attrgen.core.files import whole_file
from attrgen.core.names import readable

if TYPE_CHECKING:
    from vr.inference.decision import Prediction

Row = Mapping[str, Any]
Writer = Callable[[Path, Sequence[str], Iterable[Row], bool, bool], None]
_DIGITS = 6
_PARQUET_ROWS = 10_000  # in memory at a time


def row_of(prediction: Prediction) -> dict[str, Any]:
    """A prediction as a row: path, predicted, confidence, abstained, probabilities; set, flagged if made."""
    row: dict[str, Any] = {
        "path": None if prediction.path is None else printable(prediction.path),
        "predicted": prediction.label,
        "confidence": round(prediction.probability, _DIGITS),
        "abstained": prediction.abstained,
    }
    if prediction.set is not None:
        row["set"] = list(prediction.set)
    if prediction.flagged is not None:
        row["flagged"] = prediction.flagged
    row["probabilities"] = {name: round(p, _DIGITS) for name, p in prediction.probabilities.items()}
    return row


def printable(path: str) -> str:
    """A path in UTF-8: other bytes of a file name are written as `\\xNN`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def check_format(path: Path) -> None:
    """Check before hours of work that a table of that name can be written.

    Raises:
        UserError: an unknown format, or Parquet without pyarrow.
    """
    _writer(path)
    if path.suffix.lower() == ".parquet":
        _pyarrow(path)


def write(
    path: Path, classes: Sequence[str], rows: Iterable[Row], *, sets: bool, flags: bool = False
) -> None:
    """Write rows into a file atomically, with few of them in memory at a time.

    Args:
        classes: in the order of their columns.
        sets, flags: whether the rows have sets, and flags of an operating point.

    Raises:
        UserError: as for `check_format`, or the file cannot be written.
    """
    writer = _writer(path)
    with whole_file(path) as temporary:
        writer(temporary, classes, rows, sets, flags)


def csv_lines(
    classes: Sequence[str], rows: Iterable[Row], *, sets: bool, flags: bool = False
) -> Iterator[str]:
    """Lines of the CSV form; a set's classes are separated by `|`; one column of probabilities per class."""
    middle = [*(["set"] if sets else []), *(["flagged"] if flags else [])]
    yield _csv_line(
        ["path", "predicted", "confidence", "abstained", *middle, *(f"p({name})" for name in classes)]
    )
    for row in rows:
        chances = (f"{row['probabilities'][name]:.{_DIGITS}f}" for name in classes)
        inside = ["|".join(row["set"])] if sets else []
        inside += [_yes_no(row["flagged"])] if flags else []
        abstained = _yes_no(row["abstained"])
        confidence = f"{row['confidence']:.{_DIGITS}f}"
        yield _csv_line([row["path"], row["predicted"], confidence, abstained, *inside, *chances])


def json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Lines of the JSON-lines form: one object per row, `probabilities` an object by class."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def _csv_line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _write_csv(path: Path, classes: Sequence[str], rows: Iterable[Row], sets: bool, flags: bool) -> None:
    # Paths that are not UTF-8 are written with the bytes that they have on disk.
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.writelines(csv_lines(classes, rows, sets=sets, flags=flags))


def _write_json_lines(
    path: Path, classes: Sequence[str], rows: Iterable[Row], sets: bool, flags: bool
) -> None:
    # A path that is not UTF-8 gets the JSON escapes \\udc80 to \\udcff, which `os.fsencode` turns into bytes.
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.writelines(json_lines(rows))


def _write_parquet(path: Path, classes: Sequence[str], rows: Iterable[Row], sets: bool, flags: bool) -> None:
    pyarrow, parquet = _pyarrow(path)
    columns = [("path", pyarrow.string()), ("predicted", pyarrow.string()), ("confidence", pyarrow.float64())]
    columns += [("abstained", pyarrow.bool_())]
    columns += [("set", pyarrow.list_(pyarrow.string()))] if sets else []
    columns += [("flagged", pyarrow.bool_())] if flags else []
    plain = [name for name, _ in columns]
    columns += [(f"p({name})", pyarrow.float64()) for name in classes]
    schema = pyarrow.schema(columns)
    remaining = iter(rows)
    with parquet.ParquetWriter(path, schema) as writer:
        while part := list(islice(remaining, _PARQUET_ROWS)):
            values = {name: [row[name] for row in part] for name in plain}
            values["path"] = [readable(name) for name in values["path"]]
            values |= {f"p({name})": [row["probabilities"][name] for row in part] for name in classes}
            writer.write_table(pyarrow.table(values, schema=schema))


_WRITERS: dict[str, Writer] = {
    ".csv": _write_csv,
    ".jsonl": _write_json_lines,
    ".parquet": _write_parquet,
}


def _writer(path: Path) -> Writer:
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise UserError(
            f"a table cannot be written as '{path.suffix}'",
            code="predict-unknown-format",
            file=path,
            remedy=f"Use a name that ends in {', '.join(_WRITERS)}.",
        )
    return writer


def _pyarrow(path: Path) -> tuple[Any, Any]:
    with needed(
        "Parquet needs pyarrow",
        code="predict-no-pyarrow",
        file=path,
        remedy="pip install 'biomedvr[parquet]', or write .csv.",
    ):
        import pyarrow
        from pyarrow import parquet
    return pyarrow, parquet
