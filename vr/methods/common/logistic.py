"""Logistic regression by scikit-learn, and the search of its C on validation images."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vr.methods.common.options import Criterion

MAX_ITERATIONS = 1000
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


class Fitted(NamedTuple):
    """A scikit-learn model, and whether its optimisation converged."""

    model: Any
    converged: bool


def fitted(samples: Samples, c: float) -> Fitted:
    """Logistic regression with L2 regularisation of inverse strength `c`."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    # On few-shot matrices threads wait for each other far longer than they work.
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
        warnings.simplefilter("always")
        model = LogisticRegression(C=c, max_iter=MAX_ITERATIONS)
        model.fit(samples.features, samples.labels, sample_weight=samples.weights)
    return Fitted(model, not any(issubclass(item.category, ConvergenceWarning) for item in caught))


def quality(model: Any, val: Samples, criterion: Criterion) -> float:
    """Mean log-likelihood of the validation labels, or accuracy."""
    if criterion == "accuracy":
        return float((model.predict(val.features) == val.labels).mean())
    columns = np.searchsorted(model.classes_, val.labels)
    return float(model.predict_log_proba(val.features)[np.arange(len(columns)), columns].mean())


def weights_and_biases(model: Any, classes: int) -> tuple[Tensor, Tensor]:
    """Weights (C, D) and biases (C,) in double precision, of all classes in label order."""
    coefficients, intercepts = torch.from_numpy(model.coef_), torch.from_numpy(model.intercept_)
    if len(coefficients) == 1:  # two classes share one boundary: the first one's logit is zero
        coefficients = torch.cat([torch.zeros_like(coefficients), coefficients])
        intercepts = torch.cat([torch.zeros_like(intercepts), intercepts])
    weight = coefficients.new_zeros(classes, coefficients.shape[1])
    bias = intercepts.new_full((classes,), _NEVER)
    labels = model.classes_.tolist()
    weight[labels], bias[labels] = coefficients, intercepts
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
