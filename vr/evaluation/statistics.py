"""Statistics over several runs: spread over seeds, and paired differences on the same test images."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attrgen.core.errors import UserError
from vr.evaluation.intervals import percentiles, share_percentiles
from vr.evaluation.significance import crossed, mcnemar, sign_flips
from vr.runs.predictions import Predictions

RESAMPLES = 2000
_AT_ONCE = 4_000_000  # random counts in memory
Floats = NDArray[np.float64]


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
        low, high: 95% percentile bootstrap over images, or over groups where they are known, of accuracies
            averaged over seeds.
        p: of one seed, McNemar's exact test, or a permutation test over groups; of several, a test over
            seeds and images together: see `vr.evaluation.significance.crossed`.
        seeds: how many seeds both have.
        std: standard deviation of the difference over seeds; None for one.
        groups: number of groups of images; None where groups are not known.
    """

    mean: float
    low: float
    high: float
    p: float
    seeds: int
    std: float | None = None
    groups: int | None = None


@dataclass(frozen=True)
class _Units:
    """What is drawn together: images, or groups of them; `members` (N,) says of which unit an image is."""

    members: NDArray[np.integer]
    sizes: Floats
    grouped: bool

    def sums(self, values: Floats) -> Floats:
        """Sums (..., U) over the images of each unit, of values (..., N)."""
        if not self.grouped:
            return values
        rows = np.atleast_2d(values)
        totals = [np.bincount(self.members, weights=row, minlength=len(self.sizes)) for row in rows]
        return np.array(totals, dtype=float).reshape(*values.shape[:-1], len(self.sizes))


def spread(values: Sequence[float], seeds: int | None = None) -> Spread:
    """Mean and standard deviation of at least one value; by default each is of another seed."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), std, len(values) if seeds is None else seeds)


def accuracy_interval(runs: Sequence[Predictions], *, seed: int = 0) -> tuple[float, float]:
    """95% percentile bootstrap over images, or groups, of the accuracy averaged over seeds."""
    order = runs[0].paths
    units = _units(runs, order)
    return share_percentiles(_drawn(_correct(runs, order).mean(0), units, seed), len(units.sizes))


def paired(method: Sequence[Predictions], baseline: Sequence[Predictions], *, seed: int = 0) -> Difference:
    """Compare runs of two methods, seed by seed in the same order.

    Raises:
        UserError: they did not score the same images.
    """
    order = method[0].paths
    ours, theirs = _correct(method, order), _correct(baseline, order)
    units = _units([*method, *baseline], order)
    differences = ours - theirs
    low, high = percentiles(_drawn(differences.mean(0), units, seed))
    of_seeds = differences.mean(1)
    return Difference(
        mean=float(differences.mean()),
        low=low,
        high=high,
        p=_p(ours, theirs, units, seed),
        seeds=len(method),
        std=float(of_seeds.std(ddof=1)) if len(of_seeds) > 1 else None,
        groups=len(units.sizes) if units.grouped else None,
    )


def _p(ours: Floats, theirs: Floats, units: _Units, seed: int) -> float:
    differences = units.sums(ours - theirs)
    if len(differences) > 1:
        # Scaled so that the mean over units is the mean over images.
        return crossed(differences * (len(units.sizes) / units.sizes.sum()))
    if units.grouped:
        return sign_flips(differences[0], seed=seed)
    return mcnemar(ours[0] > 0, theirs[0] > 0)


def _units(runs: Sequence[Predictions], order: Sequence[str]) -> _Units:
    """Groups as the first run that knows them says, else images."""
    known = next((run for run in runs if run.groups is not None), None)
    if known is None or known.groups is None:
        return _Units(np.arange(len(order)), np.ones(len(order)), grouped=False)
    by_path: dict[str, Hashable] = dict(zip(known.paths, known.groups, strict=True))
    numbers: dict[Hashable, int] = {}
    members = np.array([numbers.setdefault(by_path[path], len(numbers)) for path in order])
    return _Units(members, np.bincount(members).astype(float), grouped=True)


def _correct(runs: Sequence[Predictions], order: Sequence[str]) -> Floats:
    """(seeds, N) of 0 and 1, images in the given order."""
    rows = []
    for predictions in runs:
        right = (predictions.predicted == predictions.labels).numpy().astype(float)
        by_path = dict(zip(predictions.paths, right, strict=True))
        if len(by_path) != len(order) or any(path not in by_path for path in order):
            common = sum(path in by_path for path in order)
            raise UserError(
                f"the runs did not score the same test images: {len(order)} and {len(by_path)}, of which "
                f"{common} are the same",
                code="compare-other-images",
                remedy="Compare runs of one collection and split, with the same groups, and without --limit.",
            )
        rows.append([by_path[path] for path in order])
    return np.array(rows)


def _drawn(values: Floats, units: _Units, seed: int) -> Floats:
    """Means of `values` (N,) when units are drawn with replacement."""
    return _resampled_groups(values, units, seed) if units.grouped else _resampled(values, seed)


def _resampled(values: Floats, seed: int) -> Floats:
    """Means of bootstrap samples of `values` (N,), drawn as counts of its distinct values."""
    distinct, counts = np.unique(values, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=RESAMPLES)
    means: Floats = draws @ distinct / len(values)
    return means


def _resampled_groups(values: Floats, units: _Units, seed: int) -> Floats:
    """The same of whole groups: the cluster bootstrap. (Davison and Hinkley, 1997, section 3.8.)"""
    sums, number = units.sums(values), len(units.sizes)
    rng, share = np.random.default_rng(seed), np.full(number, 1 / number)
    at_once = max(1, _AT_ONCE // number)
    means = []
    for start in range(0, RESAMPLES, at_once):
        draws = rng.multinomial(number, share, size=min(at_once, RESAMPLES - start))
        means.append(draws @ sums / (draws @ units.sizes))
    return np.concatenate(means)
