"""The standard figures of a classifier from its scores, in plain torch: a library of metrics takes seconds to
import, and every run needs these."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

_CLASSES_AT_ONCE = 64  # bounds the memory of ranks: classes x images


class PerClass(NamedTuple):
    """(C,) each, in [0, 1]; 0 where the denominator is."""

    recall: Tensor
    precision: Tensor
    f1: Tensor


class Steps(NamedTuple):
    """True and false positives at each distinct score of one class against the rest, the highest first."""

    true: Tensor
    false: Tensor


def confusion_matrix(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """(C, C) counts; rows are true classes, columns predicted ones."""
    return torch.bincount(labels * classes + predicted, minlength=classes * classes).view(classes, classes)


def per_class(matrix: Tensor) -> PerClass:
    """Recall, precision and F1 of each class."""
    hits, true, predicted = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
    return PerClass(_share(hits, true), _share(hits, predicted), _share(2 * hits, true + predicted))


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part.float() / whole.clamp(min=1), 0.0)


def auroc(probabilities: Tensor, labels: Tensor) -> Tensor:
    """(C,) area under the ROC curve of each class against the rest; 0 without images of it or of others.

    It is the share of pairs, one image of the class and one of another, that are in the right order; equal
    scores count half. (Hanley and McNeil, Radiology 1982.)

    Args:
        probabilities: (N, C) scores.
        labels: (N,) true classes.
    """
    images, classes = probabilities.shape
    positives = torch.bincount(labels, minlength=classes)
    ranks = torch.cat(
        [
            _rank_sums(probabilities[:, start : start + _CLASSES_AT_ONCE].T.contiguous(), labels, start)
            for start in range(0, classes, _CLASSES_AT_ONCE)
        ]
    )
    pairs = positives * (images - positives)
    above = ranks - positives * (positives + 1) / 2
    return torch.where(pairs > 0, above / pairs.clamp(min=1), 0.0)


def _rank_sums(scores: Tensor, labels: Tensor, first: int) -> Tensor:
    """(c,) sums of the ranks, from 1, of each class's images among all; ties have their mean rank.

    Args:
        scores: (c, N) of the classes from `first` on.
    """
    ordered = scores.sort(1).values
    own = [scores[row][labels == first + row] for row in range(len(scores))]
    sums = [
        (torch.searchsorted(line, mine) + torch.searchsorted(line, mine, right=True) + 1).double().sum() / 2
        for line, mine in zip(ordered, own, strict=True)
    ]
    return torch.stack(sums)


def calibration_error(probabilities: Tensor, labels: Tensor, bins: int) -> float:
    """Mean gap of confidence and accuracy over equal bins of confidence, weighted by their images.

    (Guo et al., On calibration of modern neural networks, ICML 2017.)

    Args:
        probabilities: (N, C), rows sum to 1.
    """
    confidence, predicted = probabilities.max(1)
    right = (predicted == labels).double()
    edges = torch.linspace(0, 1, bins + 1)
    # In single precision, so that a confidence at an edge falls into the same bin as in other programs.
    bin_of = torch.bucketize(confidence.float(), edges, right=True) - 1
    gaps = torch.zeros(bins + 1, dtype=torch.float64).index_add(0, bin_of, confidence.double() - right)
    return float(gaps.abs().sum() / len(labels))


def steps(scores: Tensor, positive: Tensor) -> Steps:
    """The counts from which ROC and precision-recall curves are drawn.

    Args:
        scores: (N,) of one class.
        positive: (N,) whether an image is of that class.
    """
    ordered, order = scores.sort(descending=True)
    last = torch.cat([ordered[1:] != ordered[:-1], torch.ones(1, dtype=torch.bool)]).nonzero()[:, 0]
    true = positive[order].long().cumsum(0)[last]
    return Steps(true, 1 + last - true)


def roc(counts: Steps) -> tuple[Tensor, Tensor]:
    """False and true positive rates, both from 0 to 1."""
    false, true = (F.pad(column, (1, 0)).double() for column in (counts.false, counts.true))
    return false / false[-1], true / true[-1]


def precision_recall(counts: Steps) -> tuple[Tensor, Tensor]:
    """Recall from 1 to 0, and the precision at each; at recall 0 it is 1."""
    precision = counts.true.double() / (counts.true + counts.false)
    recall = counts.true.double() / counts.true[-1]
    return F.pad(recall.flip(0), (0, 1)), F.pad(precision.flip(0), (0, 1), value=1.0)
