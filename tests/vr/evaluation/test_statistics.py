"""Statistics against scipy, scikit-learn and plain resampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from attrgen.core.errors import UserError
from vr.evaluation.significance import mcnemar
from vr.evaluation.statistics import accuracy_interval, paired, spread
from vr.runs.predictions import Predictions


def _run(
    correct: np.ndarray, *, order: np.ndarray | None = None, groups: np.ndarray | None = None
) -> Predictions:
    order = np.arange(len(correct)) if order is None else order
    predicted = torch.tensor(np.where(correct[order], 0, 1))
    logits = torch.nn.functional.one_hot(predicted, 2).float()
    paths = tuple(f"{i}.png" for i in order)
    known = None if groups is None else tuple(groups[order].tolist())
    return Predictions(("x", "y"), paths, torch.zeros(len(correct), dtype=torch.long), logits, known)


def test_spread_is_mean_and_sample_deviation() -> None:
    actual = spread([0.5, 0.6, 0.7])
    assert (actual.mean, actual.std, actual.seeds) == (pytest.approx(0.6), pytest.approx(0.1), 3)
    assert spread([0.5]).std is None


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
    assert (actual.seeds, actual.groups) == (3, None)
    by_seed = [o.mean() - t.mean() for o, t in zip(ours, theirs, strict=True)]
    assert actual.std == pytest.approx(np.std(by_seed, ddof=1))


def test_one_seed_is_tested_by_mcnemar() -> None:
    rng = np.random.default_rng(1)
    ours, theirs = rng.random(90) < 0.7, rng.random(90) < 0.6
    actual = paired([_run(ours)], [_run(theirs)])
    assert actual.p == mcnemar(ours, theirs) and actual.std is None


def test_intervals_resample_groups_where_they_are_known() -> None:
    """Against plain resampling of whole groups of unequal sizes; they are wider than those over images."""
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), rng.integers(1, 8, 40))
    ours = (rng.random(40) < 0.7)[groups]  # all images of a patient are right, or none
    theirs = (rng.random(40) < 0.5)[groups]
    shuffled = rng.permutation(len(groups))
    known = _run(ours, order=shuffled, groups=groups)
    actual = paired([known], [_run(theirs)])
    assert actual.groups == 40

    members = [np.flatnonzero(groups == group) for group in range(40)]
    draws = [np.concatenate([members[g] for g in rng.integers(0, 40, 40)]) for _ in range(4000)]
    difference = ours.astype(float) - theirs
    plain = np.quantile([difference[rows].mean() for rows in draws], [0.025, 0.975])
    assert (actual.low, actual.high) == pytest.approx(tuple(plain), abs=0.02)
    accuracy = np.quantile([ours[rows].mean() for rows in draws], [0.025, 0.975])
    assert accuracy_interval([known]) == pytest.approx(tuple(accuracy), abs=0.02)

    alone = paired([_run(ours)], [_run(theirs)])
    assert actual.high - actual.low > 1.3 * (alone.high - alone.low)
    assert actual.p > alone.p


def test_opposite_seeds_are_no_difference() -> None:
    """One seed is far better and the other far worse: each is significant alone, together they are not."""
    good, bad = np.arange(200) < 180, np.arange(200) < 100
    actual = paired([_run(good), _run(bad)], [_run(bad), _run(good)])
    assert mcnemar(good, bad) < 1e-6
    assert actual.mean == pytest.approx(0) and actual.p > 0.9


def test_interval_of_one_run_is_near_the_binomial_one() -> None:
    right = np.arange(400) < 300
    low, high = accuracy_interval([_run(right)])
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert (low, high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.01)


def test_runs_on_different_images_are_not_compared() -> None:
    with pytest.raises(UserError) as caught:
        paired([_run(np.ones(5, bool))], [_run(np.ones(6, bool))])
    assert caught.value.code == "compare-other-images"
