"""95% intervals: of a proportion, and of resampled values."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
_EDGES = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]


def wilson(count: float, total: int) -> tuple[float, float]:
    """Wilson's interval of a proportion. (Brown, Cai and DasGupta, Statistical Science 2001.)

    Args:
        total: at least 1.
    """
    share, square = count / total, _Z * _Z / total
    middle = share + square / 2
    spread = math.sqrt(square * (share * (1 - share) + square / 4))
    low, high = (middle - spread) / (1 + square), (middle + spread) / (1 + square)
    return (0.0 if count == 0 else low), (1.0 if count == total else high)


def percentiles(resampled: NDArray[Any]) -> tuple[float, float]:
    """The percentile interval of a bootstrap, from its resampled values (N,)."""
    low, high = np.quantile(resampled, _EDGES)
    return float(low), float(high)


def share_percentiles(resampled: NDArray[Any], units: int) -> tuple[float, float]:
    """The percentile interval of a share in [0, 1], from its resampled values (N,).

    Where every resample is 0, or every one is 1, or there is one unit to draw, resamples do not differ, and
    an interval without width would promise certainty: it is Wilson's, of `units` trials.

    Args:
        units: images, or groups of them, that were drawn; at least 1.
    """
    low, high = float(resampled.min()), float(resampled.max())
    if low == high and (units == 1 or low in (0, 1)):
        return wilson(low * units, units)
    return percentiles(resampled)
