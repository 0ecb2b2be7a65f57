"""Linear probe: logistic regression on frozen image features (Radford et al., 2021), by scikit-learn.

`s = W z + b`, with L2 regularisation of inverse strength C. C is chosen on validation by the search of CoOp's
public code for this baseline: the best of 1e6, 1e4, ..., 1e-6 (the largest, where several are), then eight
halvings of the two decades around it. That code goes by accuracy, as the `paper` preset does; but of four
images a class most C have the same accuracy, and then the largest is taken, whose probabilities are worth
nothing. So the default goes by the mean log-likelihood of the validation labels. Features are L2-normalised,
as everywhere in this program; the cited work takes them as they come, and so arrives at another C.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from vr.methods.common.base import Context
from vr.methods.common.contributions import Scores
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.features import FeatureMethod
from vr.methods.common.recipe import Recipe

UNCHOSEN_C = 31.6  # Radford et al.'s 0.316 for features of length 10, at length 1
_COARSE = (1e6, 1e4, 1e2, 1.0, 1e-2, 1e-4, 1e-6)
_HALVINGS = 8
_MAX_ITERATIONS = 1000
_NEVER = -1e4


class LinearProbeOptions(Options):
    """The linear probe's choices."""

    c: float | None = Field(None, gt=0, description="inverse regularisation; None: chosen on validation")
    choose_by: Literal["likelihood", "accuracy"] = Field(
        "likelihood", description="what of the validation images C is chosen by"
    )


class LinearProbe(FeatureMethod):
    """Logistic regression on image features."""

    name = "linear-probe"
    title = "Linear probe: logistic regression on frozen image features"
    family = "frozen features"
    learns = "weights and biases of the classes: C * D + C numbers"
    text_side = "none"
    reference = Reference(
        authors="Radford et al.",
        title="Learning Transferable Visual Models From Natural Language Supervision",
        venue="ICML",
        year=2021,
        url="https://arxiv.org/abs/2103.00020",
    )
    recipe = Recipe(epochs=0, augment=False)
    options_type = LinearProbeOptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(about="as published", options={"choose_by": "accuracy"})
    }

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

    @torch.no_grad()
    def fit(self, prepared: Tensor, labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """Choose C, fit, and take the weights over; see the file's docstring."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        self._warnings = []
        features, targets = prepared.cpu().double().numpy(), labels.cpu().numpy()
        converged = True

        def fitted(c: float) -> LogisticRegression:
            nonlocal converged
            # On few-shot matrices threads wait for each other far longer than they work.
            with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
                warnings.simplefilter("always")
                model = LogisticRegression(C=c, max_iter=_MAX_ITERATIONS).fit(features, targets)
            converged = not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
            return model

        if self.options.c is not None:
            self.c = self.options.c
        elif val is None or not len(val[1]):
            self.c = UNCHOSEN_C
            self._warnings.append(f"no validation images to choose C on: it is {UNCHOSEN_C:g}")
        else:
            seen, truth = val[0].cpu().double().numpy(), val[1].cpu().numpy()

            def likelihood(c: float) -> float:
                model = fitted(c)
                columns = np.searchsorted(model.classes_, truth)
                return float(model.predict_log_proba(seen)[np.arange(len(truth)), columns].mean())

            def accuracy(c: float) -> float:
                return float((fitted(c).predict(seen) == truth).mean())

            self.c = chosen_c(likelihood if self.options.choose_by == "likelihood" else accuracy)
        model = fitted(self.c)
        if not converged:
            self._warnings.append(f"the fit had not settled after {_MAX_ITERATIONS} iterations")
        rows = torch.from_numpy(model.coef_), torch.from_numpy(model.intercept_)
        if len(rows[0]) == 1:  # two classes share one boundary: the first one's logit is zero
            rows = torch.cat([torch.zeros_like(rows[0]), rows[0]]), torch.cat([rows[1] * 0, rows[1]])
        self.weight.zero_()
        self.bias.fill_(_NEVER)  # a class without a training image is never predicted
        self.weight[model.classes_.tolist()] = rows[0].to(self.weight)
        self.bias[model.classes_.tolist()] = rows[1].to(self.bias)

    def log(self) -> dict[str, float]:
        """The C that was taken."""
        return {"c": self.c}

    def warnings(self) -> list[str]:
        """What went short of the protocol."""
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


def chosen_c(worth: Callable[[float], float]) -> float:
    """The C that CoOp's search ends at, given what a C is worth on validation; more is better."""
    coarse = [worth(c) for c in _COARSE]
    peak = math.log10(_COARSE[coarse.index(max(coarse))])
    low, high = peak - 1, peak + 1
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if worth(10**low) < worth(10**high):
            best, low = high, middle
        else:
            best, high = low, middle
    return float(10**best)
