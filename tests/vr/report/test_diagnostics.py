"""The numbers behind the diagrams against scikit-learn and a plain loop."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from vr.evaluation.measurement import measure
from vr.report import diagnostics
from vr.runs.predictions import Predictions


def scored(images: int, *, classes: int = 3, missing: int | None = None, seed: int = 0) -> Predictions:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (images,), generator=generator)
    if missing is not None:
        labels[labels == missing] = (missing + 1) % classes
    logits = torch.randn(images, classes, generator=generator)
    logits[torch.arange(images), labels] += 1
    names = tuple(f"class {number}" for number in range(classes))
    return Predictions(names, tuple(f"{i}.png" for i in range(images)), labels, logits)


def test_bins_count_every_image_once_and_give_the_ece() -> None:
    actual = scored(300)
    bins = diagnostics.reliability(actual)
    chances = actual.logits.double().softmax(1).numpy()
    right = (actual.predicted == actual.labels).numpy()
    for own in bins:
        members = [i for i, row in enumerate(chances) if own.low < row.max() <= own.high]
        assert own.images == len(members)
        if members:
            assert own.accuracy == pytest.approx(right[members].mean())
            assert own.confidence == pytest.approx(np.mean([chances[i].max() for i in members]))
    assert sum(own.images for own in bins) == 300
    gaps = [own.images * abs(own.accuracy - own.confidence) for own in bins if own.images]
    assert sum(gaps) / 300 == pytest.approx(measure(actual)["overall"]["ece"], abs=1e-6)


def test_a_confidence_of_one_falls_into_the_last_bin() -> None:
    logits = torch.tensor([[1000.0, 0.0], [0.0, 1000.0]])
    bins = diagnostics.reliability(Predictions(("a", "b"), ("1", "2"), torch.tensor([0, 0]), logits))
    assert bins[-1].images == 2 and bins[-1].accuracy == 0.5
    assert math.isnan(bins[0].accuracy)


@pytest.mark.parametrize("images", [60, 2000])
def test_areas_are_those_of_scikit_learn(images: int) -> None:
    actual = scored(images)
    chances = actual.logits.double().softmax(1).numpy()
    roc, pr = diagnostics.roc(actual), diagnostics.precision_recall(actual)
    for label in range(3):
        own, truth = chances[:, label], (actual.labels == label).numpy()
        first, second = roc[label], pr[label]
        assert first is not None and second is not None
        assert first.area == pytest.approx(roc_auc_score(truth, own), abs=1e-5)
        assert second.area == pytest.approx(average_precision_score(truth, own), abs=1e-5)
        assert len(first.x) <= 200 and len(second.x) <= 200


def test_thinned_curves_keep_their_ends_and_their_shape() -> None:
    curve = diagnostics.roc(scored(3000))[0]
    assert curve is not None
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert float(torch.trapezoid(curve.y, curve.x)) == pytest.approx(curve.area, abs=0.01)


def test_a_class_without_images_has_no_curve() -> None:
    actual = scored(50, missing=1)
    assert [curve is None for curve in diagnostics.roc(actual)] == [False, True, False]
    assert [curve is None for curve in diagnostics.precision_recall(actual)] == [False, True, False]


@pytest.mark.parametrize(("count", "total"), [(0, 7), (7, 7), (3, 11), (500, 1000), (1, 1)])
def test_interval_of_a_share_is_that_of_scipy(count: int, total: int) -> None:
    from scipy.stats import binomtest

    reference = binomtest(count, total).proportion_ci(0.95, method="wilson")
    assert diagnostics.wilson(count, total) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_a_bin_of_one_patient_is_not_beyond_chance() -> None:
    many = diagnostics.Bin(0.8, 0.9, 40, 0.85, 0.5)
    assert many.is_beyond_chance and not replace(many, groups=2).is_beyond_chance
    known = replace(scored(60), groups=tuple(row // 6 for row in range(60)))
    bins = [bin_ for bin_ in diagnostics.reliability(known) if bin_.images]
    assert all(bin_.groups is not None and bin_.groups <= min(10, bin_.images) for bin_ in bins)
    assert all(bin_.groups is None for bin_ in diagnostics.reliability(scored(60)))
