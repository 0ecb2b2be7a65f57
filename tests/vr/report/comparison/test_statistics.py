"""Statistics against scipy, scikit-learn and plain resampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from attrgen.core.errors import UserError
from vr.report.comparison.statistics import accuracy_interval, holm, mcnemar, paired, spread
from vr.runs.predictions import Predictions


def _run(correct: np.ndarray, *, order: np.ndarray | None = None) -> Predictions:
    order = np.arange(len(correct)) if order is None else order
    predicted = torch.tensor(np.where(correct[order], 0, 1))
    logits = torch.nn.functional.one_hot(predicted, 2).float()
    paths = tuple(f"{i}.png" for i in order)
    return Predictions(("x", "y"), paths, torch.zeros(len(correct), dtype=torch.long), logits)


def test_spread_is_mean_and_sample_deviation() -> None:
    actual = spread([0.5, 0.6, 0.7])
    assert (actual.mean, actual.std, actual.seeds) == (pytest.approx(0.6), pytest.approx(0.1), 3)
    assert spread([0.5]).std is None


def test_mcnemar_equals_the_binomial_sum() -> None:
    first = np.array([True] * 14 + [False] * 4 + [True] * 30 + [False] * 12)
    second = np.array([False] * 14 + [True] * 4 + [True] * 30 + [False] * 12)
    tail = sum(math.comb(18, k) for k in range(5)) / 2**18
    assert mcnemar(first, second) == pytest.approx(2 * tail)
    assert mcnemar(first, first) == 1.0


def test_paired_difference_equals_plain_resampling_of_images() -> None:
    rng = np.random.default_rng(0)
    ours = [rng.random(150) < 0.7 for _ in range(3)]
    theirs = [rng.random(150) < 0.6 for _ in range(3)]
    shuffled = rng.permutation(150)  # the order of rows in a file means nothing
    actual = paired([_run(o, order=shuffled) for o in ours], [_run(t) for t in theirs])
    difference = np.mean(ours, 0).astype(float) - np.mean(theirs, 0)
    assert actual.mean == pytest.approx(difference.mean())
    plain = [difference[rng.integers(0, 150, 150)].mean() for _ in range(4000)]
    assert (actual.low, actual.high) == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])), abs=0.01)
    assert actual.p == max(mcnemar(o, t) for o, t in zip(ours, theirs, strict=True))
    assert actual.seeds == 3


def test_interval_of_one_run_is_near_the_binomial_one() -> None:
    right = np.arange(400) < 300
    low, high = accuracy_interval([_run(right)])
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert (low, high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.01)


def test_runs_on_different_images_are_not_compared() -> None:
    with pytest.raises(UserError) as caught:
        paired([_run(np.ones(5, bool))], [_run(np.ones(6, bool))])
    assert caught.value.code == "compare-other-images"


def test_holm_is_that_of_r() -> None:
    """`p.adjust(p, method = "holm")` of R 4."""
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.5, 0.001, 0.9, 0.013]) == pytest.approx([1.0, 0.004, 1.0, 0.039])
    assert holm([]) == [] and holm([0.3]) == [0.3]
