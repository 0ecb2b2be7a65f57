"""Temperature scaling: one number that makes confidences equal accuracy (Guo et al., ICML 2017)."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

LOWEST, HIGHEST = 0.05, 100.0
_EDGE = 1e-3


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The T in [0.05, 100] that minimises the mean negative log-likelihood of `softmax(logits / T)`.

    The likelihood is convex in 1 / T, so it has one minimum, and the same images always give the same T.

    Args:
        logits: (N, C) scores.
        labels: (N,) true classes.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    values, rows = logits.double().cpu().numpy(), np.arange(len(labels))
    truths = labels.cpu().numpy()

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(values / math.exp(log_temperature), axis=1)[rows, truths].mean())

    optimum = minimize_scalar(
        loss, bounds=(math.log(LOWEST), math.log(HIGHEST)), method="bounded", options={"xatol": 1e-7}
    )
    return math.exp(optimum.x)


def at_edge(temperature: float) -> bool:
    """Whether the fit reached a bound of its range, so that no temperature in it fits."""
    return temperature < LOWEST * (1 + _EDGE) or temperature > HIGHEST * (1 - _EDGE)
