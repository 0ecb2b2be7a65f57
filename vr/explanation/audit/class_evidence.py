"""Which class a text seems to describe: evidence from its words, its embedding and the images, combined.

No source can be relied on alone. A backbone may not see what matters in a modality, its text encoder may
react to little but the style of a sentence, and texts of two classes may share their words. So each source
is weighted by how well it predicts the classes of the set that is audited, most of whose texts are listed
under the right class: a conditional logit (McFadden, 1974) with one weight per source.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

NEAREST = 3  # texts of a class that say how near it is, as many as the methods score with
_SMOOTHING = 0.3  # additive smoothing of naive Bayes, in texts per word and class
Floats = NDArray[np.floating]


def words(texts: Sequence[str], labels: NDArray[np.integer], count: int) -> Floats:
    """(A, C): log-likelihood of each text's words in each class, from the other texts (naive Bayes).

    A word counts once per text; English function words do not count.

    Args:
        texts: A sentences.
        labels: (A,) the classes that they describe.
        count: C, how many classes there are.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    counter = CountVectorizer(binary=True, token_pattern=r"\w+")
    counts = counter.fit_transform(texts).toarray().astype(np.float64)
    counts = counts[:, [word not in ENGLISH_STOP_WORDS for word in counter.get_feature_names_out()]]
    members = _one_hot(labels, count)
    class_counts = members.T @ counts
    likelihoods = np.empty((len(texts), count))
    for row, text_counts in enumerate(counts):
        others = class_counts - np.outer(members[row], text_counts) + _SMOOTHING
        likelihoods[row] = np.log(others / others.sum(1, keepdims=True)) @ text_counts
    return likelihoods


def neighbours(texts: Floats, labels: NDArray[np.integer], count: int) -> Floats:
    """(A, C): mean cosine of each embedding (A, D) and its three nearest other texts of each class.

    A class without other texts gets the text's mean over the classes that have some.
    """
    cosines = texts @ texts.T
    np.fill_diagonal(cosines, -np.inf)
    columns = []
    for label in range(count):
        nearest = np.sort(cosines[:, labels == label], axis=1)[:, -NEAREST:]
        finite = np.isfinite(nearest)
        total = np.where(finite, nearest, 0).sum(1)
        columns.append(np.where(finite.any(1), total / np.maximum(finite.sum(1), 1), np.nan))
    near = np.stack(columns, axis=1)
    known = np.isfinite(near)
    means = np.where(known, near, 0).sum(1, keepdims=True) / np.maximum(known.sum(1, keepdims=True), 1)
    return np.where(known, near, means)


def combine(evidence: Sequence[Floats], labels: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """Combine several sources of evidence.

    Args:
        evidence: (A, C) per source, on any scale: the larger, the likelier is that class.
        labels: (A,) classes under which the texts are listed, most of them rightly.

    Returns:
        Probabilities of the classes (A, C), and the weights (W,), at least 0, of the standardised sources.
        A standard normal prior keeps the weights small where there are few texts.
    """
    standardised = np.stack([_standardised(source) for source in evidence], axis=2)  # (A, C, W)
    rows = np.arange(len(labels))

    def loss(weights: Floats) -> tuple[float, Floats]:
        probabilities = _softmax(standardised @ weights)
        expected = (probabilities[:, :, None] * standardised).sum(1)
        value = -np.log(np.maximum(probabilities[rows, labels], 1e-300)).sum() + weights @ weights / 2
        return float(value), (expected - standardised[rows, labels]).sum(0) + weights

    bounds = [(0, None)] * len(evidence)
    weights = minimize(loss, np.ones(len(evidence)), jac=True, method="L-BFGS-B", bounds=bounds).x
    return _softmax(standardised @ weights), weights


def _one_hot(labels: NDArray[np.integer], count: int) -> Floats:
    return np.asarray(labels[:, None] == np.arange(count), dtype=np.float64)


def _standardised(values: Floats) -> Floats:
    centred = values - values.mean(1, keepdims=True)
    return centred / max(float(centred.std()), 1e-12)


def _softmax(scores: Floats) -> Floats:
    exponentials = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(1, keepdims=True))
