"""Parts of a prediction: they come back as they were, or are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.inference.blocks import AT, ERROR
from vr.inference.parquet_parts import read_part, write_part

pyarrow = pytest.importorskip("pyarrow")
CLASSES = ("cyst", "stone")
ROW = {AT: 0, "path": "a.png", "predicted": "cyst", "confidence": 0.75, "abstained": False}
ROWS: list[dict[str, Any]] = [
    {**ROW, "set": ["cyst"], "flagged": True, "probabilities": {"cyst": 0.75, "stone": 0.25}},
    {AT: 1, "path": "b.png", ERROR: "damaged", "code": "image-damaged", "remedy": "Restore it."},
]


@pytest.fixture
def part(tmp_path: Path) -> Path:
    write_part(tmp_path / "part.parquet", CLASSES, ROWS)
    return tmp_path / "part.parquet"


def test_rows_come_back(part: Path) -> None:
    assert list(read_part(part, CLASSES, sets=True, flags=True)) == ROWS


def with_column(name: str, values: Any) -> Callable[[Any], Any]:
    def changed(table: Any) -> Any:
        return table.set_column(table.column_names.index(name), name, pyarrow.array(values))

    return changed


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.drop_columns(["path"]),
        lambda table: table.drop_columns(["p(stone)"]),
        with_column("predicted", ["polyp", None]),
        with_column("predicted", [1, None]),
        with_column("confidence", [float("nan"), None]),
        with_column("path", pyarrow.array([b"\xff", b"\xff"], pyarrow.binary())),
        with_column("at", pyarrow.array([2**62] * 2, pyarrow.timestamp("us"))),
        with_column("set", [["polyp"], None]),
        with_column("set", pyarrow.array([None, None], pyarrow.list_(pyarrow.string()))),
        with_column("flagged", pyarrow.array([None, None], pyarrow.bool_())),
        with_column("p(cyst)", [None, None]),
    ],
)
def test_a_part_of_another_form(part: Path, change: Callable[[Any], Any]) -> None:
    from pyarrow import parquet

    parquet.write_table(change(parquet.read_table(part)), part)
    with pytest.raises(UserError) as caught:
        list(read_part(part, CLASSES, sets=True, flags=True))
    assert caught.value.code == "predict-damaged-part"


@pytest.mark.parametrize("cut", [0, 4, 200, -1])
def test_a_part_that_is_cut(part: Path, cut: int) -> None:
    part.write_bytes(part.read_bytes()[:cut])
    with pytest.raises(UserError) as caught:
        list(read_part(part, CLASSES, sets=True, flags=True))
    assert caught.value.code == "predict-damaged-part"
