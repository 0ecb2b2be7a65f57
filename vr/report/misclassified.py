"""Where a run was wrong: the errors that it was surest of, and the pairs of classes that it confuses most."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vr.runs.predictions import Predictions


@dataclass(frozen=True)
class Mistake:
    """One image that got another class than its own; confidences are softmax probabilities in [0, 1]."""

    path: str
    label: int
    predicted: int
    confidence: float
    confidence_in_truth: float


@dataclass(frozen=True)
class ConfusedPair:
    """Images of one class that were taken for another, the surest mistake first, of `total` of that class."""

    label: int
    predicted: int
    mistakes: tuple[Mistake, ...]
    total: int


def mistakes(predictions: Predictions) -> list[Mistake]:
    """All errors, the most confident first."""
    chances = predictions.logits.double().softmax(1)
    predicted, labels = predictions.predicted, predictions.labels
    wrong = torch.nonzero(predicted != labels).flatten().tolist()
    found = [
        Mistake(
            predictions.paths[place],
            int(labels[place]),
            int(predicted[place]),
            float(chances[place, predicted[place]]),
            float(chances[place, labels[place]]),
        )
        for place in wrong
    ]
    return sorted(found, key=lambda mistake: (-mistake.confidence, mistake.path))


def confused_pairs(predictions: Predictions, limit: int) -> list[ConfusedPair]:
    """The pairs (true class, predicted class) with the most images, at most `limit` of them."""
    grouped: dict[tuple[int, int], list[Mistake]] = {}
    for mistake in mistakes(predictions):
        grouped.setdefault((mistake.label, mistake.predicted), []).append(mistake)
    totals = torch.bincount(predictions.labels, minlength=len(predictions.classes)).tolist()
    pairs = [ConfusedPair(*key, tuple(own), totals[key[0]]) for key, own in grouped.items()]
    return sorted(pairs, key=lambda pair: (-len(pair.mistakes), pair.label, pair.predicted))[:limit]
