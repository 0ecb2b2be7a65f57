"""What predictions are worth, overall and by class, with torchmetrics; bootstrap intervals over images."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vr.runs.predictions import Predictions

ECE_BINS = 15
RESAMPLES = 2000
COVERAGE = 0.95
OVERALL = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece", "nll")


def measure(predictions: Predictions, *, seed: int = 0) -> dict[str, Any]:
    """All metrics as plain numbers; None where one is not defined (a class without test images).

    Returns:
        images: count.
        overall: accuracy, balanced_accuracy (mean recall), macro_f1, auroc (one against the rest, mean
            over classes), ece (expected calibration error of the softmax, 15 equal bins) in [0, 1], and
            nll (nats an image).
        intervals: [low, high] at 95% for accuracy, balanced_accuracy and macro_f1 (percentile bootstrap
            over images).
        per_class: by name: images, recall, precision, f1, auroc.
        confusion_matrix: rows are true classes, columns predicted ones.
    """
    from torchmetrics.functional import classification as tm  # seconds to import, and predicting needs none

    labels, logits = predictions.labels, predictions.logits.double()
    count = len(predictions.classes)
    present = torch.bincount(labels, minlength=count) > 0
    predicted = predictions.predicted
    matrix = tm.multiclass_confusion_matrix(predicted, labels, count)
    recall = tm.multiclass_recall(predicted, labels, count, average=None)
    precision = tm.multiclass_precision(predicted, labels, count, average=None)
    f1 = tm.multiclass_f1_score(predicted, labels, count, average=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class without images has no AUROC; it is None below
        auroc = tm.multiclass_auroc(logits.softmax(1), labels, count, average=None)
    auroc = auroc.masked_fill(~present, float("nan"))
    overall = {
        "accuracy": float(tm.multiclass_accuracy(predicted, labels, count, average="micro")),
        "balanced_accuracy": float(recall[present].mean()),
        "macro_f1": float(f1[present].mean()),
        "auroc": float(auroc[present].mean()),
        "ece": float(tm.multiclass_calibration_error(logits.softmax(1), labels, count, n_bins=ECE_BINS)),
        "nll": float(F.cross_entropy(logits, labels)),
    }
    per_class = {
        name: {
            "images": int(matrix[place].sum()),
            "recall": _number(recall[place]) if present[place] else None,
            "precision": _number(precision[place]),
            "f1": _number(f1[place]) if present[place] else None,
            "auroc": _number(auroc[place]),
        }
        for place, name in enumerate(predictions.classes)
    }
    return {
        "images": len(labels),
        "overall": {key: _number(value) for key, value in overall.items()},
        "intervals": intervals(matrix, seed=seed),
        "per_class": per_class,
        "confusion_matrix": matrix.tolist(),
    }


def intervals(matrix: Tensor, *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, list[float]]:
    """Percentile bootstrap intervals of what a confusion matrix determines.

    Drawing N images with replacement makes the cells of the matrix multinomial, so the matrices are drawn
    directly: the same distribution, at a cost that does not depend on N. (Efron and Tibshirani, 1993.)

    Args:
        matrix: (C, C) counts, rows true, columns predicted.
    """
    counts = matrix.numpy().astype(np.float64)
    total = int(counts.sum())
    cells = np.random.default_rng(seed).multinomial(total, counts.ravel() / total, size=resamples)
    drawn = cells.reshape(resamples, *counts.shape).astype(np.float64)
    hits = np.diagonal(drawn, axis1=1, axis2=2)
    true, predicted = drawn.sum(2), drawn.sum(1)
    there = true > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = np.where(there, hits / true, np.nan)
        f1 = np.where(there, 2 * hits / (true + predicted), np.nan)
    values = {
        "accuracy": hits.sum(1) / total,
        "balanced_accuracy": np.nanmean(recall, 1),
        "macro_f1": np.nanmean(f1, 1),
    }
    edges = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    return {name: [float(edge) for edge in np.quantile(value, edges)] for name, value in values.items()}


def _number(value: float | Tensor) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
