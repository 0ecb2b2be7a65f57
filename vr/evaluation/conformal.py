"""Prediction sets that hold the true class as often as asked: split conformal prediction.

Vovk et al. (2005); Papadopoulos et al. (2002). The guarantee needs calibration images that the model was not
trained on and that are drawn as the later ones are; it holds over draws of both, not for each class alone.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

Score = Literal["lac", "aps"]
SCORES: tuple[str, ...] = get_args(Score)
_ROUNDING = 1e-9  # 0.9 * (n + 1) must not gain one by floating point


def nonconformity(probabilities: Tensor, score: Score) -> Tensor:
    """How badly each class fits each image, (N, C) in [0, 1], from probabilities (N, C).

    `lac`: 1 - p of the class, which gives the smallest sets (Sadinle et al., JASA 2019).
    `aps`: the mass of all classes at least as probable, the class itself among them, which gives larger sets
    to harder images (Romano et al., NeurIPS 2020). Without its random tie-break sets repeat, at a price: the
    least probable class always scores 1, so that with two or three classes sets hold more than was asked for.
    """
    if score == "lac":
        return 1 - probabilities
    masses = [(probabilities * (probabilities >= column[:, None])).sum(1) for column in probabilities.T]
    return torch.stack(masses, 1)


def quantile(scores: Tensor, coverage: float) -> float:
    """The ceil((n + 1) * coverage)-th smallest score of n calibration images' true classes.

    Infinity where there are too few images for that coverage (n < coverage / (1 - coverage)): then no class
    can be left out of a set.

    Args:
        scores: (n,) nonconformity of the true classes.
    """
    rank = _rank(len(scores), coverage)
    return float(scores.sort().values[rank - 1]) if rank <= len(scores) else math.inf


def fewest_images(coverage: float) -> int:
    """The smallest number of calibration images with which sets of that coverage can leave out a class."""
    return math.ceil(coverage / (1 - coverage) - _ROUNDING)


def likely_coverage(images: int, coverage: float) -> tuple[float, float]:
    """The range of the true coverage, nine times in ten, with that number of calibration images.

    Over calibration sets of n images it is Beta(k, n + 1 - k), k the quantile's rank (Vovk, 2012).
    """
    from scipy.stats import beta

    rank = _rank(images, coverage)
    low, high = beta.ppf([0.05, 0.95], rank, images + 1 - rank)
    return float(low), float(high)


def prediction_sets(probabilities: Tensor, limit: float, score: Score) -> Tensor:
    """Which classes are in each image's set, (N, C) bool: those that fit no worse than `limit`.

    A set may be empty: then no class fits, which is a reason to look at the image.
    """
    return nonconformity(probabilities, score) <= limit


def coverage_of(sets: Tensor, labels: Tensor) -> tuple[float, float]:
    """Share of images whose set holds the true class, and the mean size of a set."""
    hits = sets[torch.arange(len(labels)), labels]
    return float(hits.double().mean()), float(sets.sum(1).double().mean())


def _rank(images: int, coverage: float) -> int:
    return max(1, math.ceil((images + 1) * coverage - _ROUNDING))
