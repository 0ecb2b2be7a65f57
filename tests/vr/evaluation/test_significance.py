"""Tests against sums, plain permutation, scipy and R; and how often they err where there is no difference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from vr.evaluation.significance import crossed, holm, mcnemar, sign_flips


def test_mcnemar_equals_the_binomial_sum() -> None:
    first = np.array([True] * 14 + [False] * 4 + [True] * 30 + [False] * 12)
    second = np.array([False] * 14 + [True] * 4 + [True] * 30 + [False] * 12)
    tail = sum(math.comb(18, k) for k in range(5)) / 2**18
    assert mcnemar(first, second) == pytest.approx(2 * tail)
    assert mcnemar(first, first) == 1.0


def test_sign_flips_of_single_images_are_mcnemar() -> None:
    values = np.array([1.0] * 14 + [-1.0] * 4 + [0.0] * 30)
    assert sign_flips(values) == pytest.approx(mcnemar(values > 0, values < 0), abs=0.005)
    assert sign_flips(np.zeros(5)) == 1.0


def test_sign_flips_equal_plain_permutation_of_whole_groups() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(-3, 5, 25).astype(float)
    flips = rng.choice([-1.0, 1.0], size=(20_000, 25))
    plain = (np.abs(flips @ values) >= abs(values.sum())).mean()
    assert sign_flips(values) == pytest.approx(plain, abs=0.015)


def test_the_crossed_test_equals_mean_squares_by_loops() -> None:
    rng = np.random.default_rng(3)
    seeds, groups = 4, 12
    values = 0.2 + rng.normal(size=(seeds, 1)) * 0.3 + rng.normal(size=(1, groups)) + rng.normal(size=(4, 12))
    mean = sum(values.ravel()) / 48
    rows, columns = values.mean(1), values.mean(0)
    ms_seeds = groups * sum((row - mean) ** 2 for row in rows) / (seeds - 1)
    ms_groups = seeds * sum((column - mean) ** 2 for column in columns) / (groups - 1)
    rest = [(values[s, g] - rows[s] - columns[g] + mean) ** 2 for s in range(seeds) for g in range(groups)]
    ms_rest = sum(rest) / ((seeds - 1) * (groups - 1))
    added = ms_seeds + ms_groups - ms_rest
    assert added > max(ms_seeds, ms_groups)
    freedom = added**2 / (
        ms_seeds**2 / (seeds - 1) + ms_groups**2 / (groups - 1) + ms_rest**2 / ((seeds - 1) * (groups - 1))
    )
    t = mean / math.sqrt(added / 48)
    assert crossed(values) == pytest.approx(2 * stats.t.sf(abs(t), freedom))


def test_equal_seeds_are_the_t_test_over_images() -> None:
    """Seeds that agree add nothing: with no spread over them, images alone are the sample."""
    of_images = np.random.default_rng(4).normal(0.3, 1, 30)
    expected = stats.ttest_1samp(of_images, 0).pvalue
    assert crossed(np.stack([of_images] * 3)) == pytest.approx(expected)


def test_equal_images_are_the_t_test_over_seeds() -> None:
    of_seeds = np.random.default_rng(5).normal(0.5, 1, 5)
    expected = stats.ttest_1samp(of_seeds, 0).pvalue
    assert crossed(np.stack([of_seeds] * 40, axis=1)) == pytest.approx(expected)


def test_certainty_and_its_absence() -> None:
    assert crossed(np.zeros((3, 10))) == 1.0
    assert crossed(np.ones((3, 10))) == pytest.approx(2 / 2**10)


def test_without_a_difference_one_test_in_twenty_errs() -> None:
    rng = np.random.default_rng(6)
    for seeds, of_seeds, of_images in ((3, 0.03, 0.3), (5, 0.05, 0.3), (3, 0.0, 0.3)):
        errors = sum(
            crossed(
                of_seeds * rng.normal(size=(seeds, 1))
                + of_images * rng.normal(size=(1, 200))
                + 0.4 * rng.normal(size=(seeds, 200))
            )
            < 0.05
            for _ in range(400)
        )
        assert errors / 400 < 0.085


def test_holm_is_that_of_r() -> None:
    """`p.adjust(p, method = "holm")` of R 4."""
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.5, 0.001, 0.9, 0.013]) == pytest.approx([1.0, 0.004, 1.0, 0.039])
    assert holm([]) == [] and holm([0.3]) == [0.3]
