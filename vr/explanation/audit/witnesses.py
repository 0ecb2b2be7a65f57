"""Which class a text seems to describe: its words, its embedding and the images as witnesses.

None of them can be relied on alone. A backbone may be blind to a modality, its text tower may hear little
but the style of a sentence, and texts of two classes may share their words. So each witness is weighted by
how well it foretells the classes of the set that is audited, most of whose texts stand where they belong: a
conditional logit (McFadden, 1974) with a weight a witness.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

NEAREST = 3  # texts of a class that say how near it is, as many as the methods score with
_SMOOTHING = 0.3  # texts of a class that each word is taken to have been in, beside those where it was seen
Floats = NDArray[np.floating]


def words(texts: Sequence[str], labels: NDArray[np.integer], count: int) -> Floats:
    """(A, C): log-likelihood of each text's words in each class, by the other texts (naive Bayes).

    A word counts once a text; English function words do not count.

    Args:
        texts: A sentences.
        labels: (A,) the classes that they describe.
        count: C, how many classes there are.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    counter = CountVectorizer(binary=True, token_pattern=r"\w+")
    found = counter.fit_transform(texts).toarray().astype(np.float64)
    said = found[:, [word not in ENGLISH_STOP_WORDS for word in counter.get_feature_names_out()]]
    member = _members(labels, count)
    of_class = member.T @ said
    chances = np.empty((len(texts), count))
    for row, own in enumerate(said):
        others = of_class - np.outer(member[row], own) + _SMOOTHING
        chances[row] = np.log(others / others.sum(1, keepdims=True)) @ own
    return chances


def neighbours(texts: Floats, labels: NDArray[np.integer], count: int) -> Floats:
    """(A, C): mean cosine of each embedding (A, D) and the nearest three others of each class.

    A class without any others gets the text's mean over the classes that have some.
    """
    cosines = texts @ texts.T
    np.fill_diagonal(cosines, -np.inf)
    columns = []
    for label in range(count):
        nearest = np.sort(cosines[:, labels == label], axis=1)[:, -NEAREST:]
        there = np.isfinite(nearest)
        total = np.where(there, nearest, 0).sum(1)
        columns.append(np.where(there.any(1), total / np.maximum(there.sum(1), 1), np.nan))
    near = np.stack(columns, axis=1)
    known = np.isfinite(near)
    means = np.where(known, near, 0).sum(1, keepdims=True) / np.maximum(known.sum(1, keepdims=True), 1)
    return np.where(known, near, means)


def weigh(witnesses: Sequence[Floats], labels: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """What the witnesses say together.

    Args:
        witnesses: (A, C) each, on any scale: the larger, the rather is it that class.
        labels: (A,) classes that the texts stand for, most of them rightly.

    Returns:
        Probabilities of the classes (A, C), and the weights (W,), at least 0, of the standardised witnesses.
        A standard normal prior keeps the weights small where there are few texts.
    """
    spoken = np.stack([_standardised(each) for each in witnesses], axis=2)  # (A, C, W)
    rows = np.arange(len(labels))

    def loss(weights: Floats) -> tuple[float, Floats]:
        chances = _softmax(spoken @ weights)
        expected = (chances[:, :, None] * spoken).sum(1)
        value = -np.log(np.maximum(chances[rows, labels], 1e-300)).sum() + weights @ weights / 2
        return float(value), (expected - spoken[rows, labels]).sum(0) + weights

    bounds = [(0, None)] * len(witnesses)
    weights = minimize(loss, np.ones(len(witnesses)), jac=True, method="L-BFGS-B", bounds=bounds).x
    return _softmax(spoken @ weights), weights


def _members(labels: NDArray[np.integer], count: int) -> Floats:
    return np.asarray(labels[:, None] == np.arange(count), dtype=np.float64)


def _standardised(values: Floats) -> Floats:
    centred = values - values.mean(1, keepdims=True)
    return centred / max(float(centred.std()), 1e-12)


def _softmax(scores: Floats) -> Floats:
    grown = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(grown / grown.sum(1, keepdims=True))
