"""Which errors are shown, and in which order."""

from __future__ import annotations

import pytest
import torch

from vr.report.misclassified import confused_pairs, mistakes
from vr.runs.predictions import Predictions

# true class, logits
ROWS = [
    (0, [4.0, 0.0, 0.0]),  # right
    (0, [0.0, 3.0, 0.0]),
    (0, [0.0, 5.0, 0.0]),
    (1, [1.0, 0.0, 0.5]),
    (2, [0.0, 0.0, 9.0]),  # right
    (0, [0.0, 0.5, 2.0]),
]


@pytest.fixture
def actual() -> Predictions:
    labels, logits = zip(*ROWS, strict=True)
    paths = tuple(f"{place}.png" for place in range(len(ROWS)))
    return Predictions(("a", "b", "c"), paths, torch.tensor(labels), torch.tensor(logits))


def test_the_surest_mistake_comes_first(actual: Predictions) -> None:
    listed = mistakes(actual)
    assert [each.path for each in listed] == ["2.png", "1.png", "5.png", "3.png"]
    chances = torch.tensor([0.0, 5.0, 0.0]).softmax(0)
    assert (listed[0].label, listed[0].predicted) == (0, 1)
    assert listed[0].confidence == pytest.approx(float(chances[1]), abs=1e-6)
    assert listed[0].confidence_in_truth == pytest.approx(float(chances[0]), abs=1e-6)


def test_confidences_are_those_of_the_calibration(actual: Predictions) -> None:
    first = mistakes(actual, temperature=2.0)[0]
    assert first.confidence == pytest.approx(float(torch.tensor([0.0, 2.5, 0.0]).softmax(0)[1]), abs=1e-6)


def test_pairs_by_how_many_images_they_have(actual: Predictions) -> None:
    pairs = confused_pairs(actual, 2)
    assert [(pair.label, pair.predicted, len(pair.mistakes), pair.total) for pair in pairs] == [
        (0, 1, 2, 4),
        (0, 2, 1, 4),
    ]
    assert [each.path for each in pairs[0].mistakes] == ["2.png", "1.png"]


def test_nothing_is_confused() -> None:
    right = Predictions(("a", "b"), ("1", "2"), torch.tensor([0, 1]), torch.eye(2))
    assert mistakes(right) == [] and confused_pairs(right, 4) == []
