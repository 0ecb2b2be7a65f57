"""The linear probe against scikit-learn called directly, and the search of C against CoOp's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch import Tensor
from torch.nn import functional as F

from vr.methods.common.logistic import chosen_c
from vr.methods.linear_probe import UNCHOSEN_C, LinearProbe, LinearProbeOptions


def blobs(count: int, seed: int, classes: int = 3) -> tuple[Tensor, Tensor]:
    labels = torch.arange(count) % classes
    noise = torch.randn(count, 32, generator=torch.Generator().manual_seed(seed))
    return F.normalize(3 * torch.eye(32)[labels] + noise, dim=-1), labels


def test_as_scikit_learn(context) -> None:
    (train, labels), (test, _) = blobs(24, 0), blobs(9, 1)
    method = LinearProbe(context, LinearProbeOptions(c=50.0))
    method.fit(train, labels, None)
    reference = LogisticRegression(C=50.0, max_iter=1000).fit(train.double(), labels)
    probabilities = method.scores(test).fused.softmax(-1).detach()
    assert np.abs(probabilities.numpy() - reference.predict_proba(test.double())).max() < 1e-5
    assert method.learned(6) == 3 * 32 + 3
    assert method.log() == {"c": 50.0}
    assert method.warnings() == []


def test_two_classes(tiny, card, attributes) -> None:
    from vr.methods.common.base import Context

    (train, labels), (test, _) = blobs(8, 0, 2), blobs(6, 1, 2)
    method = LinearProbe(Context(tiny, card, attributes), LinearProbeOptions(c=1.0))
    method.fit(train, labels, None)  # of three classes, the last without an image
    reference = LogisticRegression(C=1.0, max_iter=1000).fit(train.double(), labels)
    result = method.scores(test).fused.softmax(-1).detach().numpy()
    assert np.abs(result[:, :2] - reference.predict_proba(test.double())).max() < 1e-5
    assert result[:, 2].max() == 0


@pytest.mark.parametrize("peak", [-5.3, -1.2, 0.4, 2.9, 5.1])
def test_the_search_finds_a_single_peak(peak: float) -> None:
    asked: list[float] = []

    def accuracy(c: float) -> float:
        asked.append(c)
        return -abs(np.log10(c) - peak)

    result = chosen_c(accuracy)
    assert abs(np.log10(result) - peak) < 0.02
    assert asked[:7] == [1e6, 1e4, 1e2, 1, 1e-2, 1e-4, 1e-6]
    assert len(asked) == 7 + 2 * 8


def test_of_equals_the_largest_then_the_smaller_side() -> None:
    assert chosen_c(lambda c: 1.0) == pytest.approx(1e5)


@pytest.mark.parametrize("by", ["accuracy", "likelihood"])
def test_c_is_chosen_on_validation(context, by: str) -> None:
    (train, labels), val = blobs(12, 0), blobs(30, 1)
    method = LinearProbe(context, LinearProbeOptions(choose_by=by))
    method.fit(train, labels, val)

    def worth(c: float) -> float:
        model = LogisticRegression(C=c, max_iter=1000).fit(train.double(), labels)
        if by == "likelihood":
            return -log_loss(val[1], model.predict_proba(val[0].double()))
        return float((model.predict(val[0].double()) == val[1].numpy()).mean())

    assert method.c == pytest.approx(chosen_c(worth))
    assert LinearProbe.presets["paper"].options == {"choose_by": "accuracy"}
    method.fit(train, labels, None)
    assert method.c == UNCHOSEN_C
    assert "no validation images" in method.warnings()[0]
