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


def wilson(count: int, total: int) -> tuple[float, float]:
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
