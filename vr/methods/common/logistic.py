"""Logistic regression, and the search of its C on validation images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from attrgen.core.errors import UserError
from vr.methods.common.options import Criterion

MAX_ITERATIONS = 1000
_TOLERANCES = {"maxiter": MAX_ITERATIONS, "maxls": 50, "gtol": 1e-4, "ftol": 64 * np.finfo(float).eps}
_COARSE = (1e6, 1e4, 1e2, 1.0, 1e-2, 1e-4, 1e-6)
_HALVINGS = 8
_NEVER = -1e4  # the bias of a class without a training image, so that it is never predicted


class Samples(NamedTuple):
    """Labelled features on the CPU: (N, D) in double precision, (N,), and a weight for each or None."""

    features: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None = None

    @classmethod
    def of(cls, features: Tensor, labels: Tensor, weights: Tensor | None = None) -> Samples:
        """From tensors on any device."""
        given = None if weights is None else weights.cpu().double().numpy()
        return cls(features.cpu().double().numpy(), labels.cpu().numpy(), given)


class Logistic(NamedTuple):
    """A fitted regression: K classes that have samples, ascending; weights (K, D), biases (K,)."""

    labels: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    converged: bool

    def log_probabilities(self, features: np.ndarray) -> np.ndarray:
        """(N, K) of features (N, D)."""
        from scipy.special import log_softmax

        return np.asarray(log_softmax(features @ self.weight.T + self.bias, axis=1))


def fitted(samples: Samples, c: float) -> Logistic:
    """Logistic regression with L2 regularisation of inverse strength `c`.

    It minimises `sum_i w_i CE_i / sum_i w_i + |W|^2 / (2 c sum_i w_i)` by L-BFGS from zero, as scikit-learn's
    `LogisticRegression` does, with the same tolerances. Importing scikit-learn alone takes longer than most
    fits.

    Raises:
        UserError: a feature is not finite.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax
    from threadpoolctl import threadpool_limits

    features = samples.features
    if not np.isfinite(features).all():
        raise UserError(
            "the features of some training images are not finite numbers",
            code="model-features-not-finite",
            remedy="The weights of the backbone may be damaged, or too large for bf16: try --precision fp32.",
        )
    labels, targets = np.unique(samples.labels, return_inverse=True)
    given = np.ones(len(features)) if samples.weights is None else samples.weights
    shares, penalty = given / given.sum(), 1 / (c * given.sum())
    # Two classes share one boundary: the first one's logit is zero.
    first = 1 if len(labels) == 2 else 0
    shape = len(labels) - first, features.shape[1] + 1
    rows = np.arange(len(features))

    def parts(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        matrix = np.pad(flat.reshape(shape), ((first, 0), (0, 0)))
        return matrix[:, :-1], matrix[:, -1]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = parts(flat)
        logarithms = log_softmax(features @ weight.T + bias, axis=1)
        value = -shares @ logarithms[rows, targets] + penalty / 2 * (weight**2).sum()
        errors = np.exp(logarithms)
        errors[rows, targets] -= 1
        errors *= shares[:, None]
        gradient = np.column_stack([errors.T @ features + penalty * weight, errors.sum(0)])
        return float(value), gradient[first:].ravel()

    # On few-shot matrices threads wait for each other far longer than they work.
    with threadpool_limits(1):
        result = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options=_TOLERANCES)
    return Logistic(labels, *parts(result.x), converged=result.status == 0)


def quality(model: Logistic, val: Samples, criterion: Criterion) -> float:
    """Mean log-likelihood of the validation labels, or accuracy."""
    logarithms = model.log_probabilities(val.features)
    if criterion == "accuracy":
        return float((model.labels[logarithms.argmax(1)] == val.labels).mean())
    columns = np.searchsorted(model.labels, val.labels)
    return float(logarithms[np.arange(len(columns)), columns].mean())


def weights_and_biases(model: Logistic, classes: int) -> tuple[Tensor, Tensor]:
    """Weights (C, D) and biases (C,) in double precision, of all classes in label order."""
    weight = torch.zeros(classes, model.weight.shape[1], dtype=torch.float64)
    bias = torch.full((classes,), _NEVER, dtype=torch.float64)
    labels = model.labels.tolist()
    weight[labels], bias[labels] = torch.from_numpy(model.weight), torch.from_numpy(model.bias)
    return weight, bias


def chosen_c(quality_of: Callable[[float], float]) -> float:
    """The C at which CoOp's search ends, given the quality of a C on validation; more is better."""
    coarse = [quality_of(c) for c in _COARSE]
    peak = math.log10(_COARSE[coarse.index(max(coarse))])
    low, high = peak - 1, peak + 1
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if quality_of(10**low) < quality_of(10**high):
            best, low = high, middle
        else:
            best, high = low, middle
    return float(10**best)
