"""Logistic regression against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from attrgen.core.errors import UserError
from vr.methods.common import logistic
from vr.methods.common.logistic import Samples, fitted, quality, weights_and_biases


def samples(classes: int, seed: int = 0, *, weighted: bool = False) -> Samples:
    """Ten samples per class, of labels 1, 3, 5, ..."""
    rng = np.random.default_rng(seed)
    labels = 1 + 2 * np.repeat(np.arange(classes), 10)
    features = rng.normal(size=(len(labels), 6)) + rng.normal(size=(2 * classes, 6))[labels]
    return Samples(features, labels, rng.uniform(0.2, 3, len(labels)) if weighted else None)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("c", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_it_is_scikit_learns(classes: int, c: float, weighted: bool) -> None:
    given = samples(classes, weighted=weighted)
    model = fitted(given, c)
    expected = LogisticRegression(C=c, max_iter=1000)
    expected.fit(given.features, given.labels, sample_weight=given.weights)
    assert model.converged
    assert model.labels.tolist() == expected.classes_.tolist()
    ours = np.exp(model.log_probabilities(given.features))
    assert np.abs(ours - expected.predict_proba(given.features)).max() < 1e-4
    other = samples(classes, seed=1)
    assert quality(model, other, "accuracy") == expected.score(other.features, other.labels)
    rows = np.searchsorted(model.labels, other.labels)
    logarithms = expected.predict_log_proba(other.features)[np.arange(len(rows)), rows]
    assert quality(model, other, "likelihood") == pytest.approx(logarithms.mean(), abs=1e-4)


def test_classes_without_samples_are_never_predicted() -> None:
    weight, bias = weights_and_biases(fitted(samples(2), 1.0), 5)
    assert bias[[0, 2, 4]].tolist() == [-1e4] * 3 and not weight[[0, 2, 4]].any()
    assert bias[1] == 0 and not weight[1].any() and weight[3].any()


def test_a_fit_that_is_cut_short_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(logistic._TOLERANCES, "maxiter", 2)
    assert not fitted(samples(3), 100.0).converged


def test_features_that_are_not_finite_are_an_error() -> None:
    given = samples(3)
    given.features[4, 2] = np.nan
    with pytest.raises(UserError) as caught:
        fitted(given, 1.0)
    assert caught.value.code == "model-features-not-finite"
