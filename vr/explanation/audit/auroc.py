"""AUROC of many scores at once, and its interval for few images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm, rankdata

Floats = NDArray[np.float64]


def auroc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> Floats:
    """Chance that a positive image scores higher than another one; ties count half (Mann-Whitney).

    Args:
        scores: (A, N), a row of scores of N images for each of A attributes.
        positive: (N,), with at least one True and one False.

    Returns:
        (A,) in [0, 1].
    """
    ones, zeros = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(scores, axis=1)
    wins = ranks[:, positive].sum(1) - ones * (ones + 1) / 2
    return np.asarray(wins / (ones * zeros), dtype=np.float64)


def interval(area: float, ones: int, zeros: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score-type interval of an AUROC from its value and the two numbers of images.

    Method 5 of Newcombe (Statistics in Medicine 25, 2006, 559-573): all areas a with
    `(area - a)^2 <= z^2 V(a)`, where V is the variance of Hanley and McNeil with half of the images in the
    place of either number in its numerator. DeLong's and the bootstrap's intervals shrink to a point where
    the area is 0 or 1, which is common with 16 images a class; this one doesn't.
    """
    z = float(norm.ppf(0.5 + confidence / 2))
    half = (ones + zeros) / 2 - 1

    def excess(a: float) -> float:
        variance = a * (1 - a) * (1 + half * (1 - a) / (2 - a) + half * a / (1 + a)) / (ones * zeros)
        return (area - a) ** 2 - z * z * variance

    inside = min(max(area, 1e-9), 1 - 1e-9)  # at 0 and 1 themselves the variance is none
    low = 0.0 if area <= 0 else float(brentq(excess, 0, inside))
    high = 1.0 if area >= 1 else float(brentq(excess, inside, 1))
    return low, high
