"""Curves: which lines there are, what their points are worth, and what is in the figure."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from attrgen.core.errors import UserError
from vr.report.comparison import curve
from vr.report.comparison.results import Result

Finished = Callable[..., Result]


@pytest.fixture
def sweep(finished: Finished) -> list[Result]:
    """Two backbones; shots out of order; two seeds."""
    runs = []
    for backbone, wrong in (("mini", 20), ("large", 5)):
        for shots in (16, 2, 4):
            for seed in (1, 2):
                missed = wrong + 16 // shots + seed
                correct = [0] * missed + [1] * (60 - missed)
                runs.append(finished("attrvr", correct, shots=shots, seed=seed, backbone=backbone))
    return [*runs, finished("zero-shot", [1] * 30 + [0] * 30)]


def test_a_line_per_backbone_and_method_sorted_by_shots(sweep: list[Result]) -> None:
    lines = curve.make_lines(sweep, "accuracy")
    assert [(line.backbone, line.method) for line in lines] == [
        ("large", "attrvr"),
        ("mini", "attrvr"),
        ("mini", "zero-shot"),
    ]
    assert [[point.shots for point in line.points] for line in lines] == [[2, 4, 16], [2, 4, 16], [16]]
    for line in lines:
        for point in line.points:
            values = [
                run.metrics["overall"]["accuracy"]
                for run in sweep
                if (run.backbone, run.label, run.config.shots) == (line.backbone, line.method, point.shots)
            ]
            assert point.values == pytest.approx(values)
            assert point.spread.mean == pytest.approx(np.mean(values))


def test_settings_are_lines_of_their_own(finished: Finished) -> None:
    runs = [finished("biomedvr", [1, 0, 1, 1], fusion=fusion) for fusion in ("add", "subtract")]
    assert [line.method for line in curve.make_lines(runs, "accuracy")] == [
        "biomedvr",
        "biomedvr fusion=subtract",
    ]


def test_the_table_of_values(sweep: list[Result], tmp_path: Path) -> None:
    written = curve.draw(sweep, tmp_path / "curve.svg")
    assert written == tmp_path / "curve.csv"
    rows = list(csv.DictReader(written.open()))
    assert [int(row["shots"]) for row in rows] == [2, 4, 16, 2, 4, 16, 16]
    for row in rows:
        values = [float(value) for value in row["values"].split()]
        assert len(values) == int(row["seeds"])
        assert float(row["mean"]) == pytest.approx(np.mean(values), abs=1e-5)
    assert rows[-1]["std"] == ""
    curve.draw(sweep, tmp_path / "curve.svg")  # its own table is replaced


def test_every_point_is_within_the_figure(sweep: list[Result], tmp_path: Path) -> None:
    same = [run for run in sweep if run.backbone == "mini"]
    curve.draw(same, tmp_path / "curve.svg")
    picture = (tmp_path / "curve.svg").read_text()
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', picture).groups())  # type: ignore[union-attr]
    points = [
        tuple(map(float, actual)) for actual in re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"', picture)
    ]
    assert all(0 < x < width and 0 < y < height for x, y in points)
    lines = curve.make_lines(same, "accuracy")
    assert len(points) >= sum(1 + len(point.values) for line in lines for point in line.points)
    assert "attrvr, mini" not in picture and ">attrvr<" in picture


def test_with_several_backbones_the_legend_names_them(sweep: list[Result], tmp_path: Path) -> None:
    curve.draw(sweep, tmp_path / "curve.svg")
    picture = (tmp_path / "curve.svg").read_text()
    for name in ("attrvr, mini", "attrvr, large", "zero-shot, mini"):
        assert picture.count(f">{name}<") == 1


def test_what_is_refused(sweep: list[Result], tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a,b\n")
    for name, metric, code in (
        ("curve.gif", "accuracy", "curve-suffix"),
        ("curve.png", "acuracy", "metric-unknown"),
        ("curve.png", "oracle", "curve-no-values"),
        ("mine.png", "accuracy", "curve-foreign-csv"),
    ):
        with pytest.raises(UserError) as caught:
            curve.draw(sweep, tmp_path / name, metric=metric)
        assert caught.value.code == code
        assert not (tmp_path / name).exists()
    assert (tmp_path / "mine.csv").read_text() == "a,b\n"


def test_lines_of_a_panel_are_apart_around_the_shots_and_one_alone_is_at_them(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runs = [finished("attrvr", [1, 0, 1], shots=4), finished("vp", [1, 0, 0], shots=4)]
    runs.append(finished("zero-shot", [1, 0], shots=4, dataset="other"))
    drawn: dict[str, float] = {}
    original = curve._line

    def line(panel: object, line: curve.Line, number: int, apart: float, metric: str) -> object:
        drawn[line.method] = apart
        return original(panel, line, number, apart, metric)

    monkeypatch.setattr(curve, "_line", line)
    curve._draw(curve.make_lines(runs, "accuracy"), tmp_path / "c.png", "accuracy")
    assert drawn["zero-shot"] == 0
    assert drawn["attrvr"] == -drawn["vp"] != 0
