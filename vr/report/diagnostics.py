"""The numbers behind the diagrams: reliability bins, ROC and precision-recall curves, thinned to be drawn."""

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
    """Images whose confidence lies between `low` and `high`; the means are NaN where there is none."""

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Curve:
    """One class against the rest: points of a line in [0, 1], and the area below it."""

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
    place = (torch.bucketize(confidence, edges) - 1).clamp(0, bins - 1)
    found = []
    for number in range(bins):
        own = place == number
        found.append(
            Bin(
                float(edges[number]),
                float(edges[number + 1]),
                int(own.sum()),
                float(confidence[own].mean()),
                float(right[own].mean()),
            )
        )
    return found


def roc(predictions: Predictions) -> list[Curve | None]:
    """False against true positive rate by class, area AUROC; None for a class without or with all images."""
    false, true, _ = _curves(tm.multiclass_roc, predictions)
    return [
        Curve(*_thin(x, y), float(torch.trapezoid(y, x))) if there else None
        for x, y, there in zip(false, true, _both(predictions), strict=True)
    ]


def precision_recall(predictions: Predictions) -> list[Curve | None]:
    """Recall against precision by class, area average precision; None as for `roc`."""
    precision, recall, _ = _curves(tm.multiclass_precision_recall_curve, predictions)
    curves: list[Curve | None] = []
    for x, y, there in zip(recall, precision, _both(predictions), strict=True):
        # A step from one recall to the next counts at the precision that it ends with.
        area = float(((x[:-1] - x[1:]) * y[:-1]).sum())
        curves.append(Curve(*_thin(x, y), area) if there else None)
    return curves


def _curves(function: Any, predictions: Predictions) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    probabilities = predictions.logits.double().softmax(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class without images has no curve; it is left out
        curves: tuple[list[Tensor], list[Tensor], list[Tensor]] = function(
            probabilities, predictions.labels, len(predictions.classes)
        )
    return curves


def _both(predictions: Predictions) -> list[bool]:
    counts = torch.bincount(predictions.labels, minlength=len(predictions.classes)).tolist()
    return [0 < count < len(predictions.labels) for count in counts]


def _thin(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    if len(x) <= _POINTS:
        return x, y
    kept = torch.linspace(0, len(x) - 1, _POINTS).round().long()
    return x[kept], y[kept]
