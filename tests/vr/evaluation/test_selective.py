"""The coverage-risk curve against a plain loop over thresholds, and its files."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from PIL import Image

from vr.evaluation.selective import coverage_risk, draw, write_csv


def test_every_point_is_what_a_loop_over_thresholds_counts() -> None:
    generator = torch.Generator().manual_seed(0)
    confidence = (torch.rand(200, generator=generator) * 40).round() / 40  # with many ties
    correct = torch.rand(200, generator=generator) < confidence
    curve = coverage_risk(confidence, correct)
    assert curve.threshold.tolist() == sorted(set(confidence.double().tolist()), reverse=True)
    for threshold, coverage, risk in zip(curve.threshold, curve.coverage, curve.risk, strict=True):
        answered = [
            bool(right) for c, right in zip(confidence.double(), correct, strict=True) if c >= threshold
        ]
        assert coverage == pytest.approx(len(answered) / 200)
        assert risk == pytest.approx(1 - sum(answered) / len(answered))


@pytest.mark.parametrize("wished", [0.05, 0.5, 0.8, 1.0])
def test_a_threshold_answers_at_least_the_wished_share_and_none_higher_does(wished: float) -> None:
    confidence = torch.rand(57, generator=torch.Generator().manual_seed(1))
    curve = coverage_risk(confidence, torch.ones(57, dtype=torch.bool))
    place = curve.at(wished)
    assert float((confidence.double() >= curve.threshold[place]).double().mean()) >= wished
    if place:
        assert float((confidence.double() >= curve.threshold[place - 1]).double().mean()) < wished
    assert curve.threshold[curve.at(1.0)] == confidence.double().min()


def test_the_files(tmp_path: Path) -> None:
    curve = coverage_risk(torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([True, True, False, True]))
    write_csv(curve, tmp_path / "curve.csv")
    rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
    assert [float(row["coverage"]) for row in rows] == [0.25, 0.5, 0.75, 1.0]
    assert [float(row["risk"]) for row in rows] == pytest.approx([0, 0, 1 / 3, 0.25], abs=1e-6)
    assert float(rows[2]["accuracy"]) == pytest.approx(2 / 3, abs=1e-6)
    draw(curve, 0.8, tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as image:
        assert image.format == "PNG" and min(image.size) > 300
        assert len(image.convert("L").getcolors() or []) > 10  # not an empty sheet
