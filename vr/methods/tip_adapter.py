"""Tip-Adapter and Tip-Adapter-F (Zhang et al., ECCV 2022): a cache of features beside zero-shot CLIP.

`s = tau * z T' + alpha * exp(-beta * (1 - z K')) L`: keys `K` (N, D) are the unit features of the N training
images, values `L` (N, C) their one-hot labels, `T` (C, D) the text features of the classes. Alpha and beta
are searched on validation over the public code's grid for the sets least like natural photographs (200
values of beta from 0.1 to 13, 20 of alpha), and the first best pair is taken. Without validation
images they stay at the paper's 1 and 5.5.

-F then learns the keys by AdamW (lr 0.001, eps 1e-4, weight decay 0.01), with the initial alpha and beta, and
searches afterwards. The public code keeps the epoch that is best on the test set; here no choice
depends on it. It also averages the keys over ten randomly cropped passes; here every image is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vr.methods.common.base import Context
from vr.methods.common.contributions import Scores
from vr.methods.common.features import FeatureMethod
from vr.methods.common.labels import label_bank
from vr.methods.common.stored import stored
from vr.methods.declared.tip_adapter import TipAdapterDeclaration, TipAdapterFDeclaration, TipAdapterOptions
from vr.reprogramming.score import score

_ALPHAS = tuple(0.1 + step * 12.9 / 20 for step in range(20))
_BETAS = tuple(0.1 + step * 12.9 / 200 for step in range(200))


class TipAdapter(TipAdapterDeclaration, FeatureMethod):
    """A cache that is computed from the training images."""

    def __init__(self, context: Context, options: TipAdapterOptions | None = None) -> None:
        super().__init__(context)
        self.options = options or TipAdapterOptions()
        self.banks["labels"] = label_bank(context, self.options.template)
        self.alpha, self.beta = self.options.alpha, self.options.beta
        device, outputs = context.backbone.device, self.bank("labels").embeddings.shape[-1]
        self.keys = nn.Parameter(torch.zeros(0, outputs, device=device), requires_grad=False)
        self.values = torch.zeros(0, len(context.card.classes), device=device)
        self._warnings: list[str] = []

    def scores(self, prepared: Tensor) -> Scores:
        """Zero-shot scores plus the cache's."""
        return Scores(self._zero_shot(prepared) + self.alpha * self._cache(prepared, self.beta))

    def fit(self, prepared: Tensor, labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """Fill the cache and search."""
        self._fill(prepared, labels)
        self.search(val)

    @torch.no_grad()
    def search(self, val: tuple[Tensor, Tensor] | None) -> None:
        """Set alpha and beta to the first best pair on prepared validation images and their labels."""
        self._warnings = []
        if not self.options.search:
            return
        if val is None or not len(val[1]):
            self._warnings.append(
                f"no validation images to choose alpha and beta on: they are {self.alpha:g} and {self.beta:g}"
            )
            return
        features, labels = val
        zero_shot = self._zero_shot(features)
        alphas = torch.tensor(_ALPHAS, device=features.device)[:, None, None]
        best = 0
        for beta in _BETAS:
            scores = zero_shot + alphas * self._cache(features, beta)
            hits = (scores.argmax(-1) == labels).sum(-1).tolist()
            if max(hits) > best:
                best = max(hits)
                self.alpha, self.beta = _ALPHAS[hits.index(best)], beta

    def log(self) -> dict[str, float]:
        """Alpha and beta."""
        return {"alpha": self.alpha, "beta": self.beta}

    def warnings(self) -> list[str]:
        """Where the run departs from the protocol."""
        return self._warnings

    def state(self) -> dict[str, Tensor]:
        """`keys` (N, D), `values` (N, C), `alpha_beta` (2,) and the bank of class names."""
        return {
            "keys": self.keys.detach(),
            "values": self.values,
            "alpha_beta": torch.tensor([self.alpha, self.beta], dtype=torch.float64),
            **self.bank_tensors(),
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        device = self.keys.device
        self.keys.data = stored(tensors, "keys").to(device)
        self.values = stored(tensors, "values").to(device)
        self.alpha, self.beta = tensors["alpha_beta"].tolist()
        self.load_banks(tensors)

    def _zero_shot(self, features: Tensor) -> Tensor:
        return score(features, self.bank("labels"), tau=self.tau, k=1)

    def _cache(self, features: Tensor, beta: float) -> Tensor:
        return (beta * (features @ self.keys.T - 1)).exp() @ self.values

    def _fill(self, prepared: Tensor, labels: Tensor) -> None:
        self.keys.data = prepared.detach().clone()
        self.values = F.one_hot(labels, len(self.context.card.classes)).to(prepared)


class TipAdapterF(TipAdapterFDeclaration, TipAdapter):
    """A cache whose keys are learned."""

    fits = True

    def __init__(self, context: Context, options: TipAdapterOptions | None = None) -> None:
        super().__init__(context, options)
        self.keys.requires_grad_(True)

    def learned(self, images: int) -> int:
        """All keys, one per image; they exist only after `fit`."""
        return images * self.keys.shape[1]

    def fit(self, prepared: Tensor, labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """Fill the cache that training starts from."""
        self._fill(prepared, labels)

    def finish(self, val: tuple[Tensor, Tensor] | None) -> None:
        """Search alpha and beta for the learned keys."""
        self.search(val)

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """The keys, with the public code's eps."""
        return [{"params": [self.keys], "lr": lr, "eps": 1e-4}]
