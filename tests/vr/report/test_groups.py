"""Where groups of test images are known, every page says that intervals draw groups, and they do."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vr.cli.measured import metric_lines
from vr.evaluation.intervals import wilson
from vr.evaluation.measurement import measure
from vr.report import run_report
from vr.report.comparison import page as comparison
from vr.report.comparison import results
from vr.report.metric_sections import recall_interval
from vr.report.model_card import model_card
from vr.report.run_facts import read_facts
from vr.runs import predictions
from vr.runs import run as runs


@pytest.fixture
def run(toy_run: Path, tmp_path: Path) -> Path:
    return of_patients(Path(shutil.copytree(toy_run, tmp_path / "run")))


def of_patients(run: Path) -> Path:
    """The run, with two test images per patient."""
    scored = predictions.load(run / runs.PREDICTIONS)
    scored = replace(scored, groups=tuple(row // 2 for row in range(len(scored.paths))))
    predictions.save(scored, run / runs.PREDICTIONS)
    metrics = runs.read_metrics(run) | measure(scored)
    (run / runs.METRICS).write_text(json.dumps(metrics))
    return run


def test_the_model_card_says_what_its_intervals_draw(run: Path, toy_run: Path) -> None:
    told = model_card(read_facts(run))
    assert told.count("bootstrap over 6 groups of images") == 1 and "over images" not in told
    assert model_card(read_facts(toy_run)).count("bootstrap over images") == 1


def test_the_report_and_the_comparison_say_it(run: Path, toy_run: Path, read_page: Any) -> None:
    text = read_page(run_report.write_report(run)).text
    assert "over 6 groups of images" in text and "The test images are of 6 groups only" in text
    other = run.parent / "other"
    shutil.copytree(run, other)
    both = results.find([run, other])
    assert "95% intervals over groups of images." in read_page(comparison.write_comparison(both)).text
    mixed = results.find([run, toy_run])
    mixed_page = read_page(comparison.write_comparison(mixed, out=run.parent / "mixed.html")).text
    assert "over images, or over groups of images where they are known" in mixed_page


def test_the_terminal_says_it(run: Path, toy_run: Path) -> None:
    assert metric_lines(runs.read_metrics(run))[0] == "test: 12 images, in 6 groups"
    assert metric_lines(runs.read_metrics(toy_run))[0] == "test: 12 images"


def test_the_interval_of_a_recall_draws_patients() -> None:
    import torch

    labels = torch.tensor([0] * 40 + [1] * 40)
    right = torch.tensor(([1] * 10 + [0] * 10) * 4).bool()  # ten images of a patient, all right or all wrong
    predicted = torch.where(right, labels, 1 - labels)
    scores = torch.nn.functional.one_hot(predicted, 2).float()
    images = predictions.Predictions(("a", "b"), tuple(map(str, range(80))), labels, scores)
    patients = replace(images, groups=tuple(row // 10 for row in range(80)))
    over_images, over_patients = recall_interval(images, 0), recall_interval(patients, 0)
    assert over_images is not None and over_patients is not None
    assert over_images == pytest.approx(wilson(20, 40))
    assert over_patients[1] - over_patients[0] > 2 * (
        0.65 - 0.35
    )  # four patients with the class, two of them right
