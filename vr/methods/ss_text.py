"""SS-Text+ (Silva-Rodriguez et al., MICCAI 2025): a closed form between text features and class means.

`w_c = t_c + tau / (N * lambda_c) * sum of the features of class c`, with `lambda_c = 1 / n_c` for a class of
n_c of the N training images, and `s[c] = tau * cos(z, w_c)`. So a class with more images leaves its text
further. No validation images are needed and nothing is tuned.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vr.methods.declared.ss_text import SSTextDeclaration
from vr.methods.zs_lp import ZSLP


class SSText(SSTextDeclaration, ZSLP):
    """A cosine classifier in closed form."""

    @torch.no_grad()
    def fit(self, prepared: Tensor, labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """The closed form."""
        classes = F.one_hot(labels, len(self.text)).to(prepared)
        counts = classes.sum(0)[:, None]
        self.weight.copy_(self.text + self.tau * counts / len(labels) * (classes.T @ prepared))
