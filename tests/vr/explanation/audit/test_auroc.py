"""AUROC against scikit-learn; its interval holds the true area as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from vr.explanation.audit.auroc import auroc, interval


def test_as_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, (30, 25)).astype(float)
    positive = rng.random(25) < 0.4
    expected = [roc_auc_score(positive, row) for row in scores]
    np.testing.assert_allclose(auroc(scores, positive), expected, atol=1e-12)


@pytest.mark.parametrize("area", [0.0, 0.2, 0.5, 0.93, 1.0])
def test_interval_is_where_newcombe_puts_it(area: float) -> None:
    """The ends solve the quadratic-looking inequality, found here by a fine grid instead of a root finder."""
    ones, zeros = 16, 48
    grid = np.linspace(0, 1, 200_001)[1:-1]
    half = (ones + zeros) / 2 - 1
    variance = grid * (1 - grid) / (ones * zeros)
    variance = variance * (1 + half * (1 - grid) / (2 - grid) + half * grid / (1 + grid))
    held = grid[(area - grid) ** 2 <= 1.959964**2 * variance]
    low, high = interval(area, ones, zeros)
    assert low == pytest.approx(held.min() if area > 0 else 0, abs=1e-4)
    assert high == pytest.approx(held.max() if area < 1 else 1, abs=1e-4)
    assert high - low > 0.05  # not a point, even at 0 and 1


@pytest.mark.parametrize("area", [0.5, 0.8, 0.95])
def test_95_percent_hold_the_true_area(area: float) -> None:
    """2000 samples of 16 and 48 images whose scores are normal, so that the area is known."""
    rng = np.random.default_rng(1)
    positive = np.arange(64) < 16
    scores = rng.standard_normal((2000, 64)) + positive * np.sqrt(2) * norm.ppf(area)
    known: dict[float, tuple[float, float]] = {}
    held = 0
    for actual in auroc(scores, positive).tolist():
        low, high = known.setdefault(actual, interval(actual, 16, 48))
        held += low <= area <= high
    assert 0.93 <= held / 2000 <= 0.975


def test_symmetric() -> None:
    low, high = interval(0.8, 10, 20)
    assert interval(0.2, 20, 10) == pytest.approx((1 - high, 1 - low), abs=1e-6)
