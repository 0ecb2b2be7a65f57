"""The page of many classes: the worst are drawn, all are in tables; few classes are shown as ever."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

from vr.evaluation.measurement import measure
from vr.report import charts, many_classes
from vr.runs.predictions import Predictions

CLASSES = 60


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    """60 classes of 4 images; class 7 is always taken for class 9, class 20 once for class 3."""
    labels = torch.arange(CLASSES).repeat_interleave(4)
    predicted = labels.clone()
    predicted[labels == 7] = 9
    predicted[80] = 3
    logits = 5.0 * torch.nn.functional.one_hot(predicted, CLASSES)
    names = tuple(f"class {number}" for number in range(CLASSES))
    return measure(Predictions(names, tuple(f"{i}.png" for i in range(len(labels))), labels, logits))


def test_classes_of_lowest_recall_come_first(metrics: dict[str, Any]) -> None:
    worst = many_classes.worst_classes(metrics)
    assert worst[:2] == [7, 20] and len(worst) == len(set(worst)) == many_classes.MOST


def test_classes_that_are_confused_are_drawn_with_all_their_images(metrics: dict[str, Any]) -> None:
    drawn = many_classes.excerpt(metrics["confusion_matrix"])
    assert {3, 7, 9, 20} <= set(drawn.classes) and len(drawn.classes) == many_classes.MOST
    row, column = drawn.classes.index(7), drawn.classes.index(9)
    assert drawn.matrix[row][column] == 4 and drawn.totals[row] == 4


def test_confusions_are_listed_by_count(metrics: dict[str, Any]) -> None:
    pairs = many_classes.confusions(metrics["confusion_matrix"])
    assert [tuple(pair) for pair in pairs] == [(4, 7, 9, 4), (1, 20, 3, 4)]


def test_tables_have_all_classes_and_pairs(metrics: dict[str, Any], tmp_path: Path) -> None:
    many_classes.write_tables(metrics, tmp_path)
    classes = list(csv.DictReader((tmp_path / "classes.csv").open(encoding="utf-8")))
    assert len(classes) == CLASSES and float(classes[20]["recall"]) == 0.75
    pairs = list(csv.DictReader((tmp_path / "confusions.csv").open(encoding="utf-8")))
    assert pairs[0] == {"true": "class 7", "predicted": "class 9", "images": "4", "of": "4"}


def test_few_classes_are_all_shown_and_need_no_table(tmp_path: Path) -> None:
    labels = torch.tensor([0, 1, 2, 2])
    few = measure(Predictions(("a", "b", "c"), ("1", "2", "3", "4"), labels, torch.eye(3)[labels]))
    assert many_classes.worst_classes(few) == [0, 1, 2]
    drawn = many_classes.excerpt(few["confusion_matrix"])
    assert drawn.matrix == few["confusion_matrix"] and drawn.totals == [1, 1, 2]
    many_classes.write_tables(few, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_share_counts_images_taken_for_classes_that_are_not_drawn() -> None:
    assert "1 of 4 images (25%)" in charts.confusion([[1, 1], [0, 2]], ("a", "b"), [4, 2])
