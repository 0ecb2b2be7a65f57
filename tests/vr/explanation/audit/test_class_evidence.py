"""The three sources of evidence against plain or independent computations, and their weights."""

from __future__ import annotations

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from vr.explanation.audit import class_evidence

TEXTS = [
    "a bright speck with a dark shadow",
    "bright specks, and a shadow",
    "a white speck at the pole",
    "a round dark pool",
    "the pool has a thin wall",
    "round and dark with a thin rim",
    "a ragged mass",
    "mass of uneven texture",
]
LABELS = np.array([0, 0, 0, 1, 1, 1, 2, 2])


def test_words_are_scikit_learns_naive_bayes_of_all_other_texts() -> None:
    actual = class_evidence.words(TEXTS, LABELS, 3)
    counted = (
        CountVectorizer(binary=True, stop_words="english", token_pattern=r"\w+")
        .fit_transform(TEXTS)
        .toarray()
    )
    for row in range(len(TEXTS)):
        others = np.delete(np.arange(len(TEXTS)), row)
        model = MultinomialNB(alpha=class_evidence._SMOOTHING, fit_prior=False).fit(
            counted[others], LABELS[others]
        )
        expected = model.predict_joint_log_proba(counted[row : row + 1])[0] + np.log(3)
        np.testing.assert_allclose(actual[row], expected, rtol=1e-9)


def test_words_of_a_class_without_others_and_of_function_words_alone() -> None:
    lonely = class_evidence.words(["a dark pool", "a speck"], np.array([0, 1]), 3)
    assert np.isfinite(lonely).all()
    assert np.ptp(class_evidence.words(["of the", "and with"], np.array([0, 1]), 2)) == 0


def test_neighbours_are_the_nearest_three_others_of_each_class() -> None:
    rng = np.random.default_rng(0)
    texts = rng.standard_normal((9, 5))
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2])
    actual = class_evidence.neighbours(texts, labels, 4)
    for row in range(9):
        means = {}
        for label in range(4):
            cosines = sorted(
                float(texts[row] @ texts[other])
                for other in range(9)
                if other != row and labels[other] == label
            )
            if cosines:
                means[label] = sum(cosines[-3:]) / len(cosines[-3:])
        for label in range(4):
            expected = means.get(label, sum(means.values()) / len(means))
            assert abs(actual[row, label] - expected) < 1e-12


def test_a_source_is_weighted_by_how_well_it_predicts_the_classes() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(4), 30)
    truth = np.eye(4)[labels]
    good, fair = (truth + spread * rng.standard_normal(truth.shape) for spread in (0.5, 1.5))
    blind, liar = rng.standard_normal(truth.shape), 1 - truth + 0.5 * rng.standard_normal(truth.shape)
    chances, weights = class_evidence.combine([good, fair, blind, liar], labels)
    assert weights[0] > weights[1] > 0.3 and weights[2] < 0.3 and weights[3] == 0
    assert np.mean(chances.argmax(1) == labels) >= np.mean(good.argmax(1) == labels)
    np.testing.assert_allclose(chances.sum(1), 1)
    assert np.allclose(
        class_evidence.combine([100 * good - 7, fair, blind, liar], labels)[1], weights, atol=1e-3
    )


def test_of_two_classes_the_weights_are_those_of_logistic_regression() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 60)
    given = [np.eye(2)[labels] + spread * rng.standard_normal((60, 2)) for spread in (0.8, 1.2)]
    _, weights = class_evidence.combine(given, labels)
    margins = []
    for source in given:
        centred = source - source.mean(1, keepdims=True)
        margins.append((centred[:, 1] - centred[:, 0]) / centred.std())
    model = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-8).fit(np.stack(margins, 1), labels)
    np.testing.assert_allclose(weights, model.coef_[0], rtol=1e-3)
