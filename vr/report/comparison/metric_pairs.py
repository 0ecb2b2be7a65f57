"""Every metric of two methods on the same images, and the interval of its difference."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vr.evaluation.intervals import percentiles
from vr.evaluation.measurement import Counts, measure
from vr.evaluation.metrics import METRICS
from vr.evaluation.statistics import RESAMPLES
from vr.runs.predictions import Predictions

_AT_ONCE = 2_000_000  # numbers of one block of resampled matrices
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MetricPair:
    """A metric of two methods; None where it is not defined.

    Attributes:
        key: of `vr.evaluation.metrics.METRICS`.
        first, second: means over seeds.
        low, high: 95% interval of second minus first, by the bootstrap over images, or groups, that both
            share; None where a confusion matrix does not determine the metric.
    """

    key: str
    first: float | None
    second: float | None
    low: float | None = None
    high: float | None = None

    @property
    def difference(self) -> float | None:
        """Second minus first."""
        return None if self.first is None or self.second is None else self.second - self.first


def metric_pairs(
    pairs: Sequence[tuple[Predictions, Predictions]], *, seed: int = 0
) -> tuple[MetricPair, ...]:
    """All metrics of pairs of predictions, a pair per seed; all are of the same images in the same order."""
    measured = [[measure(side)["overall"] for side in pair] for pair in pairs]
    differences = _resampled_differences(pairs, seed)
    made = []
    for key in METRICS:
        first, second = (_mean([of_seed[side][key] for of_seed in measured]) for side in (0, 1))
        low = high = None
        if key in differences:
            low, high = percentiles(differences[key])
        made.append(MetricPair(key, first, second, low, high))
    return tuple(made)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _resampled_differences(pairs: Sequence[tuple[Predictions, Predictions]], seed: int) -> dict[str, Floats]:
    """By metric, its difference (R,) in samples of the same images for both."""
    first, classes = pairs[0][0], len(pairs[0][0].classes)
    labels = first.labels.numpy()
    cells = [labels * classes + side.predicted.numpy() for pair in pairs for side in pair]
    units, shares, number = _units(np.stack(cells, axis=1), first.groups)
    rng = np.random.default_rng(seed)
    at_once = max(1, _AT_ONCE // max(len(shares), classes))
    drawn: dict[str, list[Floats]] = {}
    for start in range(0, RESAMPLES, at_once):
        draws = rng.multinomial(number, shares, size=min(at_once, RESAMPLES - start)).astype(float)
        counts = [_counts(draws, *unit, classes) for unit in units]
        for key, values in _values(counts).items():
            drawn.setdefault(key, []).append(values)
    return {key: np.concatenate(values) for key, values in drawn.items()}


def _values(counts: Sequence[Counts]) -> dict[str, Floats]:
    """By metric, second minus first, mean over seeds; counts are first and second of each seed in turn."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            key: np.mean(
                [
                    metric.resampled(b) - metric.resampled(a)
                    for a, b in zip(counts[::2], counts[1::2], strict=True)
                ],
                axis=0,
            )
            for key, metric in METRICS.items()
            if metric.resampled
        }


Unit = tuple[NDArray[Any], NDArray[Any], int]


def _units(cells: NDArray[Any], groups: Sequence[Hashable] | None) -> tuple[list[Unit], Floats, int]:
    """What is drawn: for each column of `cells` (N, K), the unit and the cell of each of its rows and their
    number of units; the share of each unit; and how many are drawn.

    Without groups, images with the same cells are one unit, drawn as often as there are such images.
    """
    if groups is None:
        distinct, counts = np.unique(cells, axis=0, return_counts=True)
        members = np.arange(len(distinct))
        units = [(members, column, len(distinct)) for column in distinct.T]
        return units, np.asarray(counts / counts.sum(), dtype=np.float64), len(cells)
    numbers: dict[Hashable, int] = {}
    members = np.array([numbers.setdefault(group, len(numbers)) for group in groups])
    units = [(members, column, len(numbers)) for column in cells.T]
    return units, np.full(len(numbers), 1 / len(numbers)), len(numbers)


def _counts(draws: Floats, members: NDArray[Any], cells: NDArray[Any], number: int, classes: int) -> Counts:
    """Counts of the units that were drawn (R, U); cells without images are left out."""
    distinct, cell_of = np.unique(cells, return_inverse=True)
    matrices = np.zeros((number, len(distinct)))
    np.add.at(matrices, (members, cell_of), 1)
    return Counts.of_cells(draws @ matrices, distinct, classes)
