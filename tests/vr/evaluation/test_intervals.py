"""Percentile intervals of shares: with a width, also where resamples do not differ."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from vr.evaluation.intervals import percentiles, share_percentiles, wilson

VARIED = np.linspace(0.4, 0.9, 101)


@pytest.mark.parametrize("units", [1, 2, 100])
def test_resamples_that_differ_are_used_as_they_are(units: int) -> None:
    assert share_percentiles(VARIED, units) == percentiles(VARIED)
    assert share_percentiles(np.array([0.0, 1.0]), units) == percentiles(np.array([0.0, 1.0]))


@pytest.mark.parametrize(("share", "units"), [(0.0, 5), (1.0, 17), (1.0, 1)])
def test_all_right_or_all_wrong_is_not_certain(share: float, units: int) -> None:
    expected = binomtest(round(share * units), units).proportion_ci(method="wilson")
    assert share_percentiles(np.full(50, share), units) == pytest.approx((expected.low, expected.high))


def test_one_group_has_the_interval_of_one_trial() -> None:
    assert share_percentiles(np.full(50, 0.6), 1) == wilson(0.6, 1)
    assert share_percentiles(np.full(50, 0.6), 2) == pytest.approx((0.6, 0.6))
