"""The three forms of the table say the same."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.inference import prediction_table
from vr.inference.decision import Prediction

NAMES = ("kidney cyst", "a, b", "stone")
NASTY = ("x,y.png", 'quo"te.png', "line\nbreak.png", "ünïcode.png", os.fsdecode(b"\xff.png"), " blank .png")


def rows(sets: bool) -> list[dict[str, Any]]:
    actual = []
    for number, path in enumerate(NASTY):
        chances = {NAMES[0]: 0.5 + number / 100, NAMES[1]: 0.3 - number / 100, NAMES[2]: 0.2}
        members = tuple(NAMES[: number % 3]) if sets else None
        actual.append(
            prediction_table.row_of(
                Prediction(path, NAMES[0], chances[NAMES[0]], chances, number == 2, members)
            )
        )
    return actual


def read_csv(path: Path) -> list[dict[str, Any]]:
    actual = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            values: dict[str, Any] = {
                "path": row["path"],
                "predicted": row["predicted"],
                "confidence": float(row["confidence"]),
                "abstained": {"yes": True, "no": False}[row["abstained"]],
            }
            if "set" in row:
                values["set"] = row["set"].split("|") if row["set"] else []
            actual.append({**values, "probabilities": {name: float(row[f"p({name})"]) for name in NAMES}})
    return actual


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def read_parquet(path: Path) -> list[dict[str, Any]]:
    parquet = pytest.importorskip("pyarrow.parquet")
    actual = []
    for row in parquet.read_table(path).to_pylist():
        chances = {name: row.pop(f"p({name})") for name in NAMES}
        actual.append({**row, "probabilities": chances})
    return actual


@pytest.mark.parametrize("sets", [False, True])
def test_every_form_holds_the_same_rows(sets: bool, tmp_path: Path) -> None:
    for name, read in (("x.csv", read_csv), ("x.jsonl", read_jsonl), ("x.PARQUET", read_parquet)):
        prediction_table.write(tmp_path / name, NAMES, iter(rows(sets)), sets=sets)
        assert read(tmp_path / name) == rows(sets), name


def test_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    prediction_table.write(tmp_path / "x.csv", NAMES, [], sets=False)
    assert (tmp_path / "x.csv").read_text() == (
        'path,predicted,confidence,abstained,p(kidney cyst),"p(a, b)",p(stone)\n'
    )
    prediction_table.write(tmp_path / "x.parquet", NAMES, [], sets=True)
    assert read_parquet(tmp_path / "x.parquet") == []


def test_bytes_that_are_no_text_can_be_told(tmp_path: Path) -> None:
    assert prediction_table.printable(os.fsdecode(b"a\xff.png")) == "a\\xff.png"
    assert prediction_table.printable("ü.png") == "ü.png"


def test_another_ending_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        prediction_table.check_format(tmp_path / "x.xlsx")
    assert caught.value.code == "predict-unknown-format"


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    prediction_table.check_format(tmp_path / "x.csv")
    with pytest.raises(UserError) as caught:
        prediction_table.check_format(tmp_path / "x.parquet")
    assert caught.value.code == "predict-no-pyarrow"


def test_a_table_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("old")

    def broken() -> Any:
        yield rows(False)[0]
        raise UserError("a line is damaged")

    with pytest.raises(UserError):
        prediction_table.write(tmp_path / "x.csv", NAMES, broken(), sets=False)
    assert (tmp_path / "x.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
