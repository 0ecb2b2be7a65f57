"""Linear probe: logistic regression on frozen image features (Radford et al., 2021).

`s = W z + b`, with L2 regularisation of inverse strength C. C is chosen on validation by the search of CoOp's
public code for this baseline: the best of 1e6, 1e4, ..., 1e-6 (the largest of equals), then eight halvings of
the two decades around it. That code compares accuracies, as the `paper` preset does. But on four images per
class most C have the same accuracy; then the largest C is taken, whose probabilities are meaningless. So the
default compares the mean log-likelihood of the validation labels. Features are L2-normalised, as everywhere
in this program; the cited work does not normalise them, and so its C are others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vr.methods.common.base import Context
from vr.methods.common.contributions import Scores
from vr.methods.common.features import FeatureMethod
from vr.methods.common.logistic import (
    MAX_ITERATIONS,
    Samples,
    chosen_c,
    fitted,
    quality,
    weights_and_biases,
)
from vr.methods.declared.linear_probe import LinearProbeDeclaration, LinearProbeOptions

UNCHOSEN_C = 31.6  # Radford et al.'s 0.316 for features of length 10, at length 1


class LinearProbe(LinearProbeDeclaration, FeatureMethod):
    """Logistic regression on image features."""

    def __init__(self, context: Context, options: LinearProbeOptions | None = None) -> None:
        super().__init__(context)
        self.options = options or LinearProbeOptions()
        backbone = context.backbone
        with torch.no_grad():
            side = self.image_size
            outputs = backbone.encode_image(torch.zeros(1, 3, side, side, device=backbone.device)).shape[1]
        classes = len(context.card.classes)
        self.weight = nn.Parameter(torch.zeros(classes, outputs, device=backbone.device))
        self.bias = nn.Parameter(torch.zeros(classes, device=backbone.device))
        self.c = math.nan
        self._warnings: list[str] = []

    def scores(self, prepared: Tensor) -> Scores:
        """Logits of the regression."""
        return Scores(prepared @ self.weight.T + self.bias)

    def samples(self, prepared: Tensor, labels: Tensor) -> Samples:
        """What the regression is fitted to."""
        return Samples.of(prepared, labels)

    @torch.no_grad()
    def fit(self, prepared: Tensor, labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """Choose C, fit, and copy the weights; see the file's docstring."""
        self._warnings = []
        samples = self.samples(prepared, labels)
        self.c = self._choose_c(samples, val)
        model = fitted(samples, self.c)
        if not model.converged:
            self._warnings.append(f"the fit did not converge in {MAX_ITERATIONS} iterations")
        weight, bias = weights_and_biases(model, len(self.bias))
        self.weight.copy_(weight)
        self.bias.copy_(bias)

    def log(self) -> dict[str, float]:
        """The C in use."""
        return {"c": self.c}

    def warnings(self) -> list[str]:
        """Where the run departs from the protocol."""
        return self._warnings

    def state(self) -> dict[str, Tensor]:
        """`weight` (C, D) and `bias` (C,), and the scalar `c`."""
        return {
            "weight": self.weight.detach(),
            "bias": self.bias.detach(),
            "c": torch.tensor(self.c, dtype=torch.float64),
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        self.weight.data.copy_(tensors["weight"])
        self.bias.data.copy_(tensors["bias"])
        self.c = float(tensors["c"])

    def _choose_c(self, samples: Samples, val: tuple[Tensor, Tensor] | None) -> float:
        if self.options.c is not None:
            return self.options.c
        if val is None or not len(val[1]):
            self._warnings.append(f"no validation images to choose C on: it is {UNCHOSEN_C:g}")
            return UNCHOSEN_C
        images = Samples.of(*val)
        return chosen_c(lambda c: quality(fitted(samples, c), images, self.options.choose_by))
