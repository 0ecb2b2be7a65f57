"""Figures as part of the page: colours of the page, text that is text, ids that do not collide."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import torch

from vr.report import charts, diagnostics, training_curves
from vr.report.svg import ACCENT, axes, drawing, inline, series_color
from vr.runs.predictions import Predictions

NAMES = ("<script>alert(1)</script>", 'a & b "c"', "$x^2$ and \\frac")


def _figure(name: str, alt: str) -> str:
    with drawing(200, 120) as figure:
        own = axes(figure, 40, 30)
        own.plot([0, 1], [1, 0], "o", color=series_color(3))
        own.plot([0, 1], [0, 1], color=ACCENT)
        own.set(xlabel=name)
        return str(inline(figure, alt))


def test_names_stay_text() -> None:
    for name in NAMES:
        svg = _figure(name, name)
        root = ET.fromstring(svg)
        assert root.get("role") == "img" and root.get("aria-label") == name
        assert name in [element.text for element in root.iter() if element.tag.endswith("text")]
        assert "<script" not in svg


def test_all_colours_are_the_page_s() -> None:
    svg = _figure("x", "y")
    assert "var(--series-3)" in svg and "var(--accent)" in svg and "var(--ink)" not in svg
    assert not re.search(r"#[0-9a-f]{6}\b", svg)
    assert "<style" not in svg and "font-family" not in svg and "http" not in svg


def test_ids_are_used_and_do_not_collide() -> None:
    first, second = _figure("x", "one"), _figure("x", "two")
    ids = [re.findall(r' id="([^"]+)"', svg) for svg in (first, second)]
    assert ids[0] and not set(ids[0]) & set(ids[1])
    for svg, own in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg)) == set(own)


def test_the_same_figure_is_the_same_text() -> None:
    assert _figure("x", "y") == _figure("x", "y")


def test_charts_say_in_words_what_they_show() -> None:
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    logits = torch.tensor([[3.0, 0, 0], [0, 3, 0], [0, 3, 0], [0, 3, 0], [0, 0, 3], [3, 0, 0]])
    actual = Predictions(NAMES, tuple("abcdef"), labels, logits)
    bins = diagnostics.reliability(actual)
    history = [
        {"epoch": 1.0, "loss": 2.0, "cross_entropy": 1.5, "penalty": 0.5, "train_accuracy": 0.25},
        {"epoch": 2.0, "loss": 1.25, "cross_entropy": 1.0, "penalty": 0.25, "train_accuracy": 0.75},
    ]
    gated = [
        {**row, "gate_pos": 0.5 + row["epoch"] / 20, "gate_neg": 0.5 - row["epoch"] / 20} for row in history
    ]
    for svg, words in (
        (charts.confusion([[1, 1, 0], [0, 2, 0], [1, 0, 1]], NAMES), "1 of 2 images (50%)"),
        (charts.reliability(bins, 0.125), "ECE 12.5%"),
        (charts.roc(diagnostics.roc(actual), NAMES), "AUROC"),
        (charts.precision_recall(diagnostics.precision_recall(actual), NAMES), "average precision"),
        (training_curves.loss(history), "2 in the first, 1.25 in the last of 2"),
        (training_curves.accuracy(history, 0.5), "training 75%; the kept model has 50% on the test images"),
        (training_curves.gate(gated), "0.6 positive and 0.4 negative"),
    ):
        assert words in str(ET.fromstring(str(svg)).get("aria-label"))


def test_a_matrix_of_many_classes_is_drawn() -> None:
    names = [f"class number {number} of a long name" for number in range(14)]
    matrix = [[row * column % 5 for column in range(14)] for row in range(14)]
    svg = ET.fromstring(str(charts.confusion(matrix, names)))
    texts = {element.text for element in svg.iter() if element.tag.endswith("text")}
    assert {"predicted", "true", "0%"} <= texts
