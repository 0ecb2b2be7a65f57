"""CLAP (Silva-Rodriguez et al., CVPR 2024): ZS-LP with a penalty on the distance to the text features.

The loss is `CE + mean_c lambda_c * ||w_c - t_c||^2`, where `lambda_c` is the mean zero-shot probability of
class c over its own training images: a class that the texts know well stays near them. No validation images
are needed. For what differs from the public code see `vr.methods.zs_lp`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vr.methods.common.base import Context, Loss
from vr.methods.common.contributions import Scores
from vr.methods.declared.clap import CLAPDeclaration
from vr.methods.declared.zs_lp import ZSLPOptions
from vr.methods.zs_lp import ZSLP


class CLAP(CLAPDeclaration, ZSLP):
    """A cosine classifier with a penalty on its distance to the class names."""

    fits = True

    def __init__(self, context: Context, options: ZSLPOptions | None = None) -> None:
        super().__init__(context, options)
        self.multipliers = torch.zeros(len(self.text), device=self.text.device)

    @torch.no_grad()
    def fit(self, prepared: Tensor, labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """Compute lambda; a class without images gets the mean of the others."""
        probabilities = (self.tau * prepared @ self.text.T).softmax(-1)
        classes = F.one_hot(labels, len(self.text)).to(probabilities)
        counts = classes.sum(0)
        means = (classes * probabilities).sum(0) / counts.clamp(min=1)
        self.multipliers = torch.where(counts > 0, means, means[counts > 0].mean())

    def loss(self, scores: Scores, labels: Tensor) -> Loss:
        """Cross-entropy and the penalty."""
        cross_entropy = F.cross_entropy(scores.fused, labels, self.class_weights)
        penalty = (self.multipliers * (self.weight - self.text).square().sum(-1)).mean()
        return Loss(cross_entropy + penalty, cross_entropy, penalty)
