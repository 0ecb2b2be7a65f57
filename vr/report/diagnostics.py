"""The numbers of the diagrams: reliability bins, ROC and precision-recall curves, thinned for drawing."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torchmetrics.functional import classification as tm

from vr.evaluation.metrics import ECE_BINS
from vr.runs.predictions import Predictions

_POINTS = 200


@dataclass(frozen=True)
class Bin:
    """Images with a confidence above `low`, up to `high`; the means are NaN if there is none."""

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float

    @property
    def gap(self) -> float:
        """Mean confidence minus accuracy: above zero it is overconfident."""
        return self.confidence - self.accuracy

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the confidence is outside Wilson's 95% interval of the accuracy."""
        low, high = wilson(round(self.accuracy * self.images), self.images)
        return not low <= self.confidence <= high


@dataclass(frozen=True)
class Curve:
    """One class against the rest: points of a line in [0, 1], and the area under it."""

    x: Tensor
    y: Tensor
    area: float


def wilson(count: int, total: int) -> tuple[float, float]:
    """Wilson's 95% interval of a proportion. (Brown, Cai and DasGupta, Statistical Science 2001.)"""
    from scipy.stats import binomtest

    low, high = binomtest(count, total).proportion_ci(0.95, method="wilson")
    return float(low), float(high)


def reliability(predictions: Predictions, bins: int = ECE_BINS) -> list[Bin]:
    """Confidence (the largest softmax) against accuracy in equal bins, as the ECE of `metrics` sees them.

    (Guo et al., On calibration of modern neural networks, ICML 2017.)
    """
    confidence = predictions.logits.double().softmax(1).amax(1)
    right = (predictions.predicted == predictions.labels).double()
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
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
            )
        )
    return result


def roc(predictions: Predictions) -> list[Curve | None]:
    """False against true positive rate by class, area AUROC; None for a class without or with all images."""
    false, true, _ = _curves(tm.multiclass_roc, predictions)
    return [
        Curve(*_thin(x, y), float(torch.trapezoid(y, x))) if is_defined else None
        for x, y, is_defined in zip(false, true, _defined(predictions), strict=True)
    ]


def precision_recall(predictions: Predictions) -> list[Curve | None]:
    """Recall against precision by class, area average precision; None as for `roc`."""
    precision, recall, _ = _curves(tm.multiclass_precision_recall_curve, predictions)
    curves: list[Curve | None] = []
    for x, y, is_defined in zip(recall, precision, _defined(predictions), strict=True):
        # A step from one recall to the next has the precision at its end.
        area = float(((x[:-1] - x[1:]) * y[:-1]).sum())
        curves.append(Curve(*_thin(x, y), area) if is_defined else None)
    return curves


def _curves(function: Any, predictions: Predictions) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    probabilities = predictions.logits.double().softmax(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class without images has no curve; it is left out
        curves: tuple[list[Tensor], list[Tensor], list[Tensor]] = function(
            probabilities, predictions.labels, len(predictions.classes)
        )
    return curves


def _defined(predictions: Predictions) -> list[bool]:
    """Whether a class has images, and so have the others."""
    counts = torch.bincount(predictions.labels, minlength=len(predictions.classes)).tolist()
    return [0 < count < len(predictions.labels) for count in counts]


def _thin(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    if len(x) <= _POINTS:
        return x, y
    kept = torch.linspace(0, len(x) - 1, _POINTS).round().long()
    return x[kept], y[kept]
