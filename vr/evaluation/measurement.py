"""Predictions measured: every metric overall, numbers per class, and bootstrap intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vr.evaluation import classification
from vr.evaluation.intervals import share_percentiles
from vr.evaluation.metrics import HEADLINE, METRICS
from vr.runs.predictions import Predictions

RESAMPLES = 2000
_AT_ONCE = 4_000_000  # random counts in memory
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """What metrics are computed from; N images, C classes.

    Attributes:
        labels, predicted: (N,) classes.
        logits, probabilities: (N, C), double precision.
        matrix: (C, C) counts, rows are true classes, columns predicted ones.
        present: (C,) whether the class has images.
        recall, precision, f1, auroc: (C,); AUROC is NaN for a class without images.
    """

    labels: Tensor
    predicted: Tensor
    logits: Tensor
    probabilities: Tensor
    matrix: Tensor
    present: Tensor
    recall: Tensor
    precision: Tensor
    f1: Tensor
    auroc: Tensor


@dataclass(frozen=True)
class Counts:
    """Of resampled confusion matrices what metrics need, (R, C) each.

    Attributes:
        hits: correct images by class.
        true: images by true class.
        predicted: images by predicted class.
    """

    hits: Floats
    true: Floats
    predicted: Floats

    @classmethod
    def of_cells(cls, drawn: Any, cells: Any, classes: int) -> Counts:
        """From the cells of confusion matrices that have images.

        Args:
            drawn: (R, K) counts of the cells.
            cells: (K,) their positions, row * classes + column, rising.
        """
        rows, columns = np.divmod(cells, classes)

        def summed(keys: Any, chosen: Any) -> Floats:
            sums = np.zeros((classes, len(drawn)))
            np.add.at(sums, keys[chosen], drawn.T[chosen])
            return sums.T

        everything = np.ones(len(cells), dtype=bool)
        return cls(summed(rows, rows == columns), summed(rows, everything), summed(columns, everything))

    @property
    def images(self) -> Floats:
        """(R,) images in all."""
        total: Floats = self.true.sum(1)
        return total

    @property
    def recall(self) -> Floats:
        """(R, C); NaN where a class has no image."""
        return self.hits / self.true

    @property
    def f1(self) -> Floats:
        """(R, C); NaN where a class has no image."""
        return np.where(self.true > 0, 2 * self.hits / (self.true + self.predicted), np.nan)

    @staticmethod
    def mean_over_classes(values: Floats) -> Floats:
        """(R,) means over the classes that have images."""
        means: Floats = np.nanmean(values, 1)
        return means


def measure(predictions: Predictions, *, seed: int = 0) -> dict[str, Any]:
    """All metrics as plain numbers; None where one is not defined (a class without test images).

    Returns:
        images: count.
        overall: every metric of `vr.evaluation.metrics.METRICS`, by key.
        intervals: [low, high] at 95% of those that a confusion matrix determines (percentile bootstrap
            over images, or over groups where they are known).
        groups: number of groups that the bootstrap draws; only where groups are known.
        per_class: by name: images, recall, precision, f1, auroc.
        confusion_matrix: rows are true classes, columns predicted ones.
    """
    scored = score(predictions)
    return {
        "images": len(scored.labels),
        "overall": {
            key: _number(metric.compute(scored)) for key, metric in METRICS.items() if metric.compute
        },
        **_intervals(predictions, scored, seed),
        "per_class": _per_class(scored, predictions.classes),
        "confusion_matrix": scored.matrix.tolist(),
    }


def score(predictions: Predictions) -> Scored:
    """What metrics are computed from."""
    labels, logits, predicted = predictions.labels, predictions.logits.double(), predictions.predicted
    probabilities, classes = logits.softmax(1), len(predictions.classes)
    matrix = classification.confusion_matrix(labels, predicted, classes)
    present = matrix.sum(1) > 0
    recall, precision, f1 = classification.per_class(matrix)
    return Scored(
        labels=labels,
        predicted=predicted,
        logits=logits,
        probabilities=probabilities,
        matrix=matrix,
        present=present,
        recall=recall,
        precision=precision,
        f1=f1,
        auroc=classification.auroc(probabilities, labels).masked_fill(~present, float("nan")),
    )


def intervals(matrix: Tensor, *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, list[float]]:
    """Percentile bootstrap intervals of what a confusion matrix determines.

    Drawing N images with replacement makes the cells of the matrix multinomial, so the matrices are drawn
    directly: the same distribution, at a cost that does not depend on N. (Efron and Tibshirani, 1993.)

    Args:
        matrix: (C, C) counts, rows true, columns predicted.
    """
    counts = matrix.numpy()
    total, classes = int(counts.sum()), len(counts)
    # Cells without images stay empty, and drawing them uses no random number: only the others are drawn. The
    # last one takes what remains.
    cells = np.union1d(np.flatnonzero(counts), [counts.size - 1])
    rng = np.random.default_rng(seed)
    at_once = max(1, _AT_ONCE // len(cells))
    drawn = [
        Counts.of_cells(rng.multinomial(total, counts.ravel()[cells] / total, size=size), cells, classes)
        for size in _pieces(resamples, at_once)
    ]
    of_classes = counts.sum(1)
    return _quantiles(drawn, total, int(of_classes[of_classes > 0].min()))


def group_intervals(
    labels: Tensor,
    predicted: Tensor,
    groups: Sequence[Hashable],
    classes: int,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, list[float]]:
    """As `intervals`, by the cluster bootstrap: whole groups are drawn with replacement.

    Images of one patient resemble each other, so that fewer of them are independent than there are images,
    and an interval over images is too narrow. (Davison and Hinkley, Bootstrap Methods, 1997, section 3.8.)

    Args:
        labels, predicted: (N,) classes.
        groups: (N,) the group of each image.
    """
    number = {group: index for index, group in enumerate(dict.fromkeys(groups))}
    cells, cell_of = np.unique((labels * classes + predicted).numpy(), return_inverse=True)
    matrices = np.zeros((len(number), len(cells)))
    np.add.at(matrices, (np.array([number[group] for group in groups]), cell_of), 1)
    rng = np.random.default_rng(seed)
    share = np.full(len(number), 1 / len(number))
    at_once = max(1, _AT_ONCE // max(len(number), len(cells)))
    drawn = [
        Counts.of_cells(rng.multinomial(len(number), share, size=size) @ matrices, cells, classes)
        for size in _pieces(resamples, at_once)
    ]
    of_classes = Counter(label for label, _ in set(zip(labels.tolist(), groups, strict=True)))
    return _quantiles(drawn, len(number), min(of_classes.values()))


def _pieces(whole: int, largest: int) -> list[int]:
    return [min(largest, whole - start) for start in range(0, whole, largest)]


def _intervals(predictions: Predictions, scored: Scored, seed: int) -> dict[str, Any]:
    groups = predictions.groups
    if groups is None:
        return {"intervals": intervals(scored.matrix, seed=seed)}
    classes = len(predictions.classes)
    values = group_intervals(scored.labels, scored.predicted, groups, classes, seed=seed)
    return {"intervals": values, "groups": len(set(groups))}


def _quantiles(drawn: Sequence[Counts], units: int, fewest: int) -> dict[str, list[float]]:
    """Intervals by metric; `units` images or groups were drawn, `fewest` of them have the rarest class."""
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {
            key: np.concatenate([metric.resampled(counts) for counts in drawn])
            for key, metric in METRICS.items()
            if metric.resampled
        }
    # A mean over classes is as certain as that of the rarest class.
    return {
        key: list(share_percentiles(value, units if key == HEADLINE else fewest))
        for key, value in values.items()
    }


def _per_class(scored: Scored, names: tuple[str, ...]) -> dict[str, dict[str, float | None]]:
    return {
        name: {
            "images": int(scored.matrix[label].sum()),
            "recall": _number(scored.recall[label]) if scored.present[label] else None,
            "precision": _number(scored.precision[label]),
            "f1": _number(scored.f1[label]) if scored.present[label] else None,
            "auroc": _number(scored.auroc[label]),
        }
        for label, name in enumerate(names)
    }


def _number(value: float | Tensor) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
