"""Statistics over several runs: spread over seeds, paired differences on the same test images, tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attrgen.core.errors import UserError
from vr.runs.predictions import Predictions

RESAMPLES = 2000
COVERAGE = 0.95


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (n - 1; None for one run) over the runs of a cell: seeds or folds."""

    mean: float
    std: float | None
    seeds: int


@dataclass(frozen=True)
class Difference:
    """How much more accurate one method is than another on the same images.

    Attributes:
        mean: difference of mean accuracies over seeds.
        low, high: 95% percentile bootstrap over images, of accuracies averaged over seeds.
        p: exact McNemar test, the largest over the seeds (the most cautious reading).
        seeds: how many seeds both have.
    """

    mean: float
    low: float
    high: float
    p: float
    seeds: int


def spread(values: Sequence[float], seeds: int | None = None) -> Spread:
    """Mean and standard deviation of at least one value; by default each is of another seed."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), std, len(values) if seeds is None else seeds)


def accuracy_interval(runs: Sequence[Predictions], *, seed: int = 0) -> tuple[float, float]:
    """95% percentile bootstrap over images of the accuracy averaged over seeds."""
    correct = _correct(runs, runs[0].paths).mean(0)
    return _percentiles(_resampled(correct, seed))


def paired(method: Sequence[Predictions], baseline: Sequence[Predictions], *, seed: int = 0) -> Difference:
    """Compare runs of two methods, seed by seed in the same order.

    Raises:
        UserError: they did not score the same images.
    """
    ours, theirs = (_correct(runs, method[0].paths) for runs in (method, baseline))
    difference = (ours - theirs).mean(0)
    low, high = _percentiles(_resampled(difference, seed))
    p = max(mcnemar(a, b) for a, b in zip(ours > 0, theirs > 0, strict=True))
    return Difference(float(difference.mean()), low, high, p, len(method))


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Exact two-sided McNemar test: p that two classifiers, correct where (N,) says, are equally accurate.

    Only images on which one is right and the other is wrong count; under the null each is a fair coin.
    """
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    if only_first + only_second == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that keep the family-wise error rate over all tests.

    (Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 1979.)
    """
    p = np.asarray(p_values, dtype=float)
    order = p.argsort()
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    clipped: list[float] = adjusted.clip(max=1).tolist()
    return clipped


def _correct(runs: Sequence[Predictions], order: Sequence[str]) -> np.ndarray:
    """(seeds, N) of 0 and 1, images in the given order."""
    rows = []
    for predictions in runs:
        right = (predictions.predicted == predictions.labels).numpy().astype(float)
        by_path = dict(zip(predictions.paths, right, strict=True))
        if len(by_path) != len(order) or any(path not in by_path for path in order):
            raise UserError(
                "the runs did not score the same test images",
                code="compare-other-images",
                remedy="Compare runs on the same collection and split only.",
            )
        rows.append([by_path[path] for path in order])
    return np.array(rows)


def _resampled(values: np.ndarray, seed: int) -> np.ndarray:
    """Means of bootstrap samples of `values` (N,), drawn as counts of its distinct values."""
    distinct, counts = np.unique(values, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=RESAMPLES)
    means: np.ndarray = draws @ distinct / len(values)
    return means


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)
