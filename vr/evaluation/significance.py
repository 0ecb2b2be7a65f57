"""Tests of a difference between two methods: over images or groups of images, and over seeds as well."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DRAWS = 20_000  # of the permutation test
Floats = NDArray[np.float64]


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Exact two-sided McNemar test: p that two classifiers, correct where (N,) says, are equally accurate.

    Only images on which one is right and the other is wrong count; under the null each is a fair coin.
    """
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    if only_first + only_second == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def sign_flips(values: Floats, *, seed: int = 0) -> float:
    """Two-sided permutation test that paired differences (G,) of groups are symmetric around zero.

    Each group as a whole changes sign or not: McNemar's test for images that are not independent. `DRAWS`
    random patterns, the observed one counted among them. (Good, Permutation, Parametric and Bootstrap Tests
    of Hypotheses, 2005.)
    """
    sizes, counts = np.unique(np.abs(values[values != 0]), return_counts=True)
    positive = np.random.default_rng(seed).binomial(counts, 0.5, size=(DRAWS, len(counts)))
    drawn = np.abs((2 * positive - counts) @ sizes)
    as_large = int((drawn >= abs(values.sum()) - 1e-9).sum())
    return (as_large + 1) / (DRAWS + 1)


def crossed(values: Floats) -> float:
    """Two-sided test that the mean of paired differences (S, G), S seeds by G groups, is zero.

    Seeds and images are both samples, and each seed is measured on the same images: the design of studies
    with several readers. With mean squares of seeds, groups and their interaction, the variance of the mean
    is (MS_S + MS_G - MS_SG) / (S G), compared with Student's t at Satterthwaite's degrees of freedom. Where
    the difference of two mean squares is negative, the larger of MS_S and MS_G takes its place.
    (Satterthwaite, Biometrics Bulletin 1946; Obuchowski and Rockette, Communications in Statistics 1995.)
    """
    seeds, groups = values.shape
    mean = values.mean()
    if mean == 0:
        return 1.0
    of_seeds, of_groups = values.mean(1) - mean, values.mean(0) - mean
    rest = values - mean - of_seeds[:, None] - of_groups[None]
    degrees = np.array([seeds - 1, groups - 1, (seeds - 1) * (groups - 1)], dtype=float)
    sums = np.array([groups * (of_seeds**2).sum(), seeds * (of_groups**2).sum(), (rest**2).sum()])
    squares = sums / np.maximum(degrees, 1)
    larger = int(squares[:2].argmax())
    variance, freedom = squares[larger], degrees[larger]
    if (added := squares[0] + squares[1] - squares[2]) > variance:
        variance = added
        freedom = added**2 / (squares**2 / np.maximum(degrees, 1)).sum()
    if variance <= 1e-15:  # every seed and image says the same
        return float(2 * 0.5**groups)
    t = abs(mean) / np.sqrt(variance / (seeds * groups))
    from scipy.stats import t as student

    return float(2 * student.sf(t, max(freedom, 1)))


def holm(p_values: list[float]) -> list[float]:
    """Adjusted p-values that keep the family-wise error rate over all tests.

    (Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 1979.)
    """
    p = np.asarray(p_values, dtype=float)
    order = p.argsort()
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    clipped: list[float] = adjusted.clip(max=1).tolist()
    return clipped
