"""Prediction sets against plain loops, and their promise on drawn data."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch

from vr.evaluation.conformal import (
    Score,
    coverage_of,
    fewest_images,
    likely_coverage,
    nonconformity,
    prediction_sets,
    quantile,
)


def drawn(count: int, classes: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities, and labels that agree with them only roughly: a model that is not calibrated."""
    logits = 2 * torch.randn(count, classes, generator=generator, dtype=torch.double)
    labels = torch.multinomial((logits / 2).softmax(1), 1, generator=generator)[:, 0]
    return logits.softmax(1), labels


def plain_aps(row: list[float]) -> list[float]:
    """Romano et al.: sort the classes, add up masses down to each class."""
    order = sorted(range(len(row)), key=lambda c: -row[c])
    found, mass = [0.0] * len(row), 0.0
    for place in order:
        mass += row[place]
        found[place] = mass
    return found


def test_scores_are_those_of_a_plain_loop() -> None:
    chances, _ = drawn(50, 6, torch.Generator().manual_seed(1))
    aps = nonconformity(chances, "aps")
    assert torch.allclose(aps, torch.tensor([plain_aps(row) for row in chances.tolist()]).double())
    assert torch.equal(nonconformity(chances, "lac"), 1 - chances)


def test_equal_probabilities_have_equal_scores() -> None:
    aps = nonconformity(torch.tensor([[0.4, 0.2, 0.2, 0.2]]).double(), "aps")
    assert aps[0].tolist() == pytest.approx([0.4, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("count", "coverage", "rank"),
    [(9, 0.9, 9), (10, 0.9, 10), (19, 0.9, 18), (20, 0.9, 19), (99, 0.9, 90), (100, 0.5, 51), (19, 0.55, 11)],
)
def test_the_quantile_is_the_ranked_score(count: int, coverage: float, rank: int) -> None:
    scores = torch.randperm(count, generator=torch.Generator().manual_seed(0)).double()
    assert quantile(scores, coverage) == sorted(scores.tolist())[rank - 1]


def test_too_few_images_leave_no_class_out() -> None:
    assert quantile(torch.rand(8), 0.9) == math.inf
    assert fewest_images(0.9) == 9 and fewest_images(0.95) == 19 and fewest_images(0.5) == 1
    for coverage in (0.5, 0.8, 0.9, 0.95, 0.99):
        fewest = fewest_images(coverage)
        assert quantile(torch.rand(fewest), coverage) < math.inf
        assert quantile(torch.rand(fewest - 1), coverage) == math.inf
    assert prediction_sets(torch.tensor([[0.9, 0.1]]), math.inf, "lac").all()


@pytest.mark.parametrize("score", get_args(Score))
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_over_many_draws_sets_hold_the_class_as_often_as_asked(score: Score, coverage: float) -> None:
    generator, found = torch.Generator().manual_seed(2), []
    for _ in range(150):
        chances, labels = drawn(49 + 200, 4, generator)
        own = nonconformity(chances[:49], score)[torch.arange(49), labels[:49]]
        sets = prediction_sets(chances[49:], quantile(own, coverage), score)
        found.append(coverage_of(sets, labels[49:])[0])
    # Exact for scores without ties. The last class of an image has the APS score 1, which is a tie.
    mean = sum(found) / len(found)
    assert coverage - 0.01 < mean < coverage + (0.01 if score == "lac" else 0.025)


def test_the_spread_of_coverage_is_that_of_many_draws() -> None:
    generator, found = torch.Generator().manual_seed(3), []
    for _ in range(1000):
        calibration, later = torch.rand(100, generator=generator), torch.rand(3000, generator=generator)
        found.append(float((later <= quantile(calibration, 0.9)).float().mean()))
    low, high = likely_coverage(100, 0.9)
    between = sum(low <= share <= high for share in found) / len(found)
    assert between == pytest.approx(0.9, abs=0.03)


def test_coverage_and_size() -> None:
    sets = torch.tensor([[True, False, False], [True, True, False], [False, False, False]])
    assert coverage_of(sets, torch.tensor([0, 1, 2])) == (pytest.approx(2 / 3), pytest.approx(1.0))
