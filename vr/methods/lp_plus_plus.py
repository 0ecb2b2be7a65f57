"""LP++ (Huang et al., CVPR 2024): a linear probe plus class-wise multiples of the zero-shot cosines.

`s[c] = w_c z + b_c + alpha_c * t_c z`. `w_c` starts at the sum of the features of class c, `b` at zero and
every alpha at `250 * mean_c (mean over class c of t_c z)`. 300 full-batch steps on (w, b) with momentum 0.9
and step size `4 N / (largest eigenvalue of Z^T Z)`; every tenth also a step on alpha without momentum, of
size `N / (4 * max_c sum_i (t_c z_i)^2)`. Both sizes come from the data, so there is nothing to tune.

The public code keeps the iteration that is best on validation images (the last of equals), as the `paper`
preset does; the default keeps the last one. It also draws `b` at random, and never resets the gradient of
alpha, so that its steps follow the sum of all gradients so far; here they follow the present one, as in the
paper.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vr.methods.common.base import Context
from vr.methods.common.contributions import Scores
from vr.methods.common.features import FeatureMethod
from vr.methods.common.labels import class_texts, label_bank
from vr.methods.declared.lp_plus_plus import LPPlusPlusDeclaration, LPPlusPlusOptions

MOMENTUM = 0.9
_ALPHA_START = 250.0
_ALPHA_EVERY = 10


class LPPlusPlus(LPPlusPlusDeclaration, FeatureMethod):
    """A linear probe blended with zero-shot scores by learned multipliers."""

    def __init__(self, context: Context, options: LPPlusPlusOptions | None = None) -> None:
        super().__init__(context)
        self.options = options or LPPlusPlusOptions()
        self.banks["labels"] = label_bank(context, self.options.template)
        text = class_texts(self.bank("labels"))
        self.weight = nn.Parameter(torch.zeros_like(text))
        self.bias = nn.Parameter(text.new_zeros(len(text)))
        self.alpha = nn.Parameter(text.new_zeros(len(text)))
        self._warnings: list[str] = []

    def scores(self, prepared: Tensor) -> Scores:
        """Logits of the probe plus the weighted cosines."""
        head = Head(self.weight, self.bias, self.alpha)
        return Scores(head.scores(prepared, class_texts(self.bank("labels"))))

    def fit(self, prepared: Tensor, labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """Descend by blocks, in double precision; see the file's docstring."""
        self._warnings = []
        if self.options.keep == "last":
            val = None
        elif val is None or not len(val[1]):
            self._warnings.append("no validation images to choose the iteration on: the last is kept")
            val = None
        text = class_texts(self.bank("labels")).double()
        kept = descend(prepared.double(), labels, text, self.options.iterations, val)
        for parameter, value in zip((self.weight, self.bias, self.alpha), kept, strict=True):
            parameter.data.copy_(value)

    def warnings(self) -> list[str]:
        """Where the run departs from the protocol."""
        return self._warnings


class Head(NamedTuple):
    """Weights (C, D), biases (C,) and multipliers (C,)."""

    weight: Tensor
    bias: Tensor
    alpha: Tensor

    def scores(self, features: Tensor, text: Tensor) -> Tensor:
        """(B, C) of features (B, D) and text features (C, D)."""
        return features @ self.weight.T + self.bias + self.alpha * (features @ text.T)


def descend(
    features: Tensor, labels: Tensor, text: Tensor, iterations: int, val: tuple[Tensor, Tensor] | None
) -> Head:
    """The head after `iterations` steps, or that of the iteration with the best accuracy on `val`.

    Args:
        features, labels: (N, D) and (N,), of the training images.
        text: (C, D).
        val: features and labels of validation images.
    """
    head = Head(*(value.requires_grad_() for value in started(features, labels, text)))
    step, alpha_step = step_sizes(features, text)
    optimizer = torch.optim.SGD([head.weight, head.bias], lr=step, momentum=MOMENTUM)
    best, kept = -1.0, head
    for iteration in range(1, iterations + 1):
        loss = F.cross_entropy(head.scores(features, text), labels)
        head.weight.grad, head.bias.grad, alpha_gradient = torch.autograd.grad(loss, list(head))
        optimizer.step()
        if iteration % _ALPHA_EVERY == 0:
            head.alpha.data -= alpha_step * alpha_gradient
        if val is not None:
            predicted = head.scores(val[0].to(features), text).argmax(-1)
            accuracy = float((predicted == val[1]).double().mean())
            if accuracy >= best:
                best, kept = accuracy, Head(*(value.detach().clone() for value in head))
    return kept


def started(features: Tensor, labels: Tensor, text: Tensor) -> Head:
    """The head before the first step."""
    classes = F.one_hot(labels, len(text)).to(features)
    counts = classes.sum(0)
    cosines = (classes * (features @ text.T)).sum(0) / counts.clamp(min=1)
    alpha = _ALPHA_START * cosines[counts > 0].mean()
    return Head(classes.T @ features, text.new_zeros(len(text)), alpha.repeat(len(text)))


def step_sizes(features: Tensor, text: Tensor) -> tuple[float, float]:
    """Step sizes of (w, b) and of alpha, from features (N, D) and text features (C, D)."""
    largest = torch.linalg.eigvalsh(features.T @ features)[-1]
    alignment = (features @ text.T).square().sum(0).max()
    return float(4 * len(features) / largest), float(len(features) / (4 * alignment))
