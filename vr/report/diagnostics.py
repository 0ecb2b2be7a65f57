"""The numbers of the diagrams: reliability bins, ROC and precision-recall curves, thinned for drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vr.evaluation import classification
from vr.evaluation.intervals import wilson
from vr.evaluation.metrics import ECE_BINS
from vr.runs.predictions import Predictions

_POINTS = 200


@dataclass(frozen=True)
class Bin:
    """Images with a confidence above `low`, up to `high`; the means are NaN if there is none.

    `groups` are those that the images are of, where groups are known.
    """

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float
    groups: int | None = None

    @property
    def gap(self) -> float:
        """Mean confidence minus accuracy: above zero it is overconfident."""
        return self.confidence - self.accuracy

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the confidence is outside Wilson's 95% interval of the accuracy.

        Groups count instead of images where they are known: images of a patient are right or wrong together.
        """
        units = self.images if self.groups is None else self.groups
        low, high = wilson(self.accuracy * units, units)
        return not low <= self.confidence <= high


@dataclass(frozen=True)
class Curve:
    """One class against the rest: points of a line in [0, 1], and the area under it."""

    x: Tensor
    y: Tensor
    area: float


def reliability(predictions: Predictions, bins: int = ECE_BINS) -> list[Bin]:
    """Confidence (the largest softmax) against accuracy in equal bins, as the ECE of `metrics` sees them.

    (Guo et al., On calibration of modern neural networks, ICML 2017.)
    """
    confidence = predictions.logits.double().softmax(1).amax(1)
    right = (predictions.predicted == predictions.labels).double()
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    numbers = _numbers(predictions)
    bin_of = (torch.bucketize(confidence, edges) - 1).clamp(0, bins - 1)
    result = []
    for number in range(bins):
        members = bin_of == number
        result.append(
            Bin(
                float(edges[number]),
                float(edges[number + 1]),
                int(members.sum()),
                float(confidence[members].mean()),
                float(right[members].mean()),
                None if numbers is None else len(numbers[members].unique()),
            )
        )
    return result


def _numbers(predictions: Predictions) -> Tensor | None:
    """(N,) the number of each image's group; None where groups are not known."""
    if predictions.groups is None:
        return None
    number = {group: index for index, group in enumerate(dict.fromkeys(predictions.groups))}
    return torch.tensor([number[group] for group in predictions.groups])


def roc(predictions: Predictions, classes: Sequence[int] | None = None) -> list[Curve | None]:
    """False against true positive rate by class, area AUROC; None for a class without or with all images.

    Args:
        classes: labels of the classes; all by default.
    """
    return [
        None if counts is None else _roc(*classification.roc(counts))
        for counts in _steps(predictions, classes)
    ]


def precision_recall(predictions: Predictions, classes: Sequence[int] | None = None) -> list[Curve | None]:
    """Recall against precision by class, area average precision; None and `classes` as for `roc`."""
    return [
        None if counts is None else _precision_recall(*classification.precision_recall(counts))
        for counts in _steps(predictions, classes)
    ]


def _roc(x: Tensor, y: Tensor) -> Curve:
    return Curve(*_thin(x, y), float(torch.trapezoid(y, x)))


def _precision_recall(x: Tensor, y: Tensor) -> Curve:
    # A step from one recall to the next has the precision at its end.
    return Curve(*_thin(x, y), float(((x[:-1] - x[1:]) * y[:-1]).sum()))


def _steps(predictions: Predictions, classes: Sequence[int] | None) -> Iterator[classification.Steps | None]:
    """By class the counts of its curves; None for a class without or with all images."""
    probabilities, labels = predictions.logits.double().softmax(1), predictions.labels
    for label in range(len(predictions.classes)) if classes is None else classes:
        positive = labels == label
        defined = bool(positive.any()) and not bool(positive.all())
        yield classification.steps(probabilities[:, label], positive) if defined else None


def _thin(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    if len(x) <= _POINTS:
        return x, y
    kept = torch.linspace(0, len(x) - 1, _POINTS).round().long()
    return x[kept], y[kept]
