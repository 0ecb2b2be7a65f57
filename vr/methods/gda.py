"""GDA, Gaussian discriminant analysis (Wang et al., ICLR 2024) beside zero-shot scores: a closed form.

Classes are Gaussians with means `mu_c` and one covariance S of the centred features, its inverse estimated as
`P = D * pinv((N - 1) S + trace(S) I)`. With `w_c = P mu_c` and `b_c = log(1 / C) - mu_c P mu_c / 2` the
scores are `s[c] = tau * t_c z + alpha * (w_c z + b_c)`, alpha the best of 1e-4, 1e-3, ..., 100 by accuracy on
validation images (the smallest of equals). By likelihood the zero-shot scores would nearly always win, for
the Gaussians' are large. Without validation images, or with `text=none`, the Gaussians decide alone.

For ImageNet, the public code chooses alpha on the test images; here nothing is chosen there. It also takes
the features of ten randomly cropped passes; here every image is taken as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vr.methods.common.base import Context
from vr.methods.common.contributions import Scores
from vr.methods.common.features import FeatureMethod
from vr.methods.common.gaussian import gaussian_classifier
from vr.methods.common.labels import class_texts, label_bank
from vr.methods.declared.gda import GDADeclaration, GDAOptions

ALPHAS = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)


class GDA(GDADeclaration, FeatureMethod):
    """Gaussian discriminant analysis on image features."""

    def __init__(self, context: Context, options: GDAOptions | None = None) -> None:
        super().__init__(context)
        self.options = options or GDAOptions()
        self.banks["labels"] = label_bank(context, self.options.template)
        text = class_texts(self.bank("labels"))
        self.weight = nn.Parameter(torch.zeros_like(text))
        self.bias = nn.Parameter(text.new_zeros(len(text)))
        # Weights of the zero-shot scores and of the Gaussians' scores; the first is 1 or 0.
        self.mix = nn.Parameter(text.new_tensor([0.0, 1.0]), requires_grad=False)
        self._warnings: list[str] = []

    def scores(self, prepared: Tensor) -> Scores:
        """Zero-shot scores plus alpha times the Gaussians'."""
        zero_shot, gaussian = self._both(prepared)
        return Scores(self.mix[0] * zero_shot + self.mix[1] * gaussian)

    @torch.no_grad()
    def fit(self, prepared: Tensor, labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """The closed form, and alpha."""
        weight, bias = gaussian_classifier(prepared, labels, len(self.bias))
        self.weight.copy_(weight)
        self.bias.copy_(bias)
        self._warnings = []
        alone = self.options.text == "none"
        if not alone and self.options.alpha is None and (val is None or not len(val[1])):
            self._warnings.append("no validation images to choose alpha on: the Gaussians decide alone")
            alone = True
        alpha = self.options.alpha
        if alpha is None:
            alpha = 1.0 if alone or val is None else self._chosen_alpha(*val)
        self.mix.copy_(self.mix.new_tensor([0.0 if alone else 1.0, alpha]))

    def log(self) -> dict[str, float]:
        """The weight of the Gaussians' scores."""
        return {"alpha": float(self.mix[1])}

    def warnings(self) -> list[str]:
        """Where the run departs from the protocol."""
        return self._warnings

    def _both(self, prepared: Tensor) -> tuple[Tensor, Tensor]:
        zero_shot = self.tau * prepared @ class_texts(self.bank("labels")).T
        return zero_shot, prepared @ self.weight.T + self.bias

    def _chosen_alpha(self, prepared: Tensor, labels: Tensor) -> float:
        zero_shot, gaussian = self._both(prepared)

        def accuracy(alpha: float) -> float:
            return float(((zero_shot + alpha * gaussian).argmax(-1) == labels).float().mean())

        return max(ALPHAS, key=accuracy)
