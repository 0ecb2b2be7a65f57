"""Several runs on one page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.evaluation.statistics import paired
from vr.report.comparison import page as comparison
from vr.report.comparison import results
from vr.runs import predictions
from vr.runs import run as runs


@pytest.fixture
def two(hostile_run: Path, second_run: Path, tmp_path: Path) -> Path:
    """A folder of two runs."""
    shutil.copytree(hostile_run, tmp_path / "runs" / "biomedvr")
    shutil.copytree(second_run, tmp_path / "runs" / "attrvr")
    return tmp_path / "runs"


def test_metrics_stand_side_by_side(two: Path, read_page: Any) -> None:
    actual = results.find([two / "biomedvr", two / "attrvr"])
    place = comparison.write_comparison(actual)
    assert place == two / "report.html"
    page = read_page(place)
    for letter, result in zip("AB", actual, strict=True):
        low, high = (100 * value for value in result.metrics["intervals"]["accuracy"])
        accuracy = 100 * result.metrics["overall"]["accuracy"]
        assert f"{letter} {result.config.method}" in page.text
        assert f"{accuracy:.1f}% {low:.1f} to {high:.1f}" in page.text
    for name in actual[0].config.card.class_names:
        recalls = [f"{100 * each.metrics['per_class'][name]['recall']:.1f}%" for each in actual]
        assert f"{name} {' '.join(recalls)}" in page.text
    first, second = (predictions.load(each.path / runs.PREDICTIONS) for each in actual)
    difference = paired([second], [first])
    assert f"{100 * difference.mean:+.1f} {100 * difference.low:+.1f} to" in page.text


def test_only_settings_that_differ_are_told(two: Path, read_page: Any) -> None:
    page = read_page(comparison.write_comparison(results.find([two])))
    assert "method attrvr biomedvr" in page.text
    assert "alpha 0.5 –" in page.text and "gate_lr – 0.01" in page.text
    assert "momentum" not in page.text and "dataset" not in page.text


def test_curves_are_together_and_say_where_they_end(two: Path, read_page: Any) -> None:
    page = read_page(comparison.write_comparison(results.find([two])))
    labels = [svg["aria-label"] for svg in page.all("svg")]
    assert [label.partition(" by epoch")[0].partition(" with ")[0] for label in labels] == [
        "Accuracy",
        "Loss",
        "Accuracy on the training images",
        "Weight of the positive expert (gate)",
    ]
    gate = labels[-1]
    assert "B " in gate and "A " not in gate  # attrvr has no gate
    assert not [image for image in page.all("img") if not image["src"].startswith("data:")]


def test_runs_on_other_classes_are_compared_as_far_as_that_goes(
    two: Path, hostile: Any, tmp_path: Path, read_page: Any
) -> None:
    from vr.training.train import run_experiment

    run_experiment(
        hostile.experiment(out=two / "fewer", classes=("dark ring", "plain ground"), recipe={"epochs": 1})
    )
    page = read_page(comparison.write_comparison(results.find([two])))
    assert "Recall by class" not in page.text and "classes 3 3 2" in page.text
    assert page.text.count("Compared with A on the same images") == 1


def test_names_tell_runs_apart(two: Path) -> None:
    shutil.copytree(two / "attrvr", two / "again")
    members = comparison.make_page(results.find([two]))
    assert "attrvr lr=5.0 (again)" in members or "(again)" in members


def test_only_a_comparison_of_ours_is_replaced(two: Path) -> None:
    actual = results.find([two])
    place = comparison.write_comparison(actual)
    comparison.write_comparison(actual)
    report = two / "attrvr" / runs.REPORT
    before = report.read_text()
    for own in (report, two / "notes.html"):
        own.touch()
        with pytest.raises(UserError) as caught:
            comparison.write_comparison(actual, own)
        assert caught.value.code == "report-foreign-file"
    assert report.read_text() == before and "comparison" in place.read_text()


def test_a_comparison_never_lands_in_a_run(two: Path) -> None:
    shutil.copytree(two / "attrvr", two / "biomedvr" / "inner")
    with pytest.raises(UserError) as caught:
        comparison.write_comparison(results.find([two / "biomedvr"]))
    assert caught.value.code == "compare-no-folder"
