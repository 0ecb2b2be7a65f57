"""Misclassified images: the most confident ones, and the pairs of classes that are confused most."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vr.evaluation.calibration import probabilities as calibrated_probabilities
from vr.runs.predictions import Predictions


@dataclass(frozen=True)
class Mistake:
    """One misclassified image; confidences are softmax probabilities in [0, 1]."""

    path: str
    label: int
    predicted: int
    confidence: float
    confidence_in_truth: float


@dataclass(frozen=True)
class ConfusedPair:
    """Images of one class that were taken for another, the most confident first, of `total` of that class."""

    label: int
    predicted: int
    mistakes: tuple[Mistake, ...]
    total: int


def mistakes(predictions: Predictions, temperature: float = 1.0) -> list[Mistake]:
    """All errors, the most confident first; `temperature` is that of the run's calibration, if any."""
    probabilities = calibrated_probabilities(predictions.logits, temperature)
    predicted, labels = predictions.predicted, predictions.labels
    wrong = torch.nonzero(predicted != labels).flatten().tolist()
    listed = [
        Mistake(
            predictions.paths[row],
            int(labels[row]),
            int(predicted[row]),
            float(probabilities[row, predicted[row]]),
            float(probabilities[row, labels[row]]),
        )
        for row in wrong
    ]
    return sorted(listed, key=lambda mistake: (-mistake.confidence, mistake.path))


def confused_pairs(predictions: Predictions, limit: int) -> list[ConfusedPair]:
    """The pairs (true class, predicted class) with the most images, at most `limit` of them."""
    grouped: dict[tuple[int, int], list[Mistake]] = {}
    for mistake in mistakes(predictions):
        grouped.setdefault((mistake.label, mistake.predicted), []).append(mistake)
    totals = torch.bincount(predictions.labels, minlength=len(predictions.classes)).tolist()
    pairs = [ConfusedPair(*key, tuple(members), totals[key[0]]) for key, members in grouped.items()]
    return sorted(pairs, key=lambda pair: (-len(pair.mistakes), pair.label, pair.predicted))[:limit]
