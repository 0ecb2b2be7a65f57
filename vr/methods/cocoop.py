"""CoCoOp (Zhou et al., CVPR 2022): context vectors that a small network shifts by the image's features.

For an image with unit features `z` the prompt of a class is `v1 + h(z) ... vn + h(z) class name.`, where
`h` is linear (D to D // 16), ReLU, linear (D // 16 to W). So the text tower reads C prompts for every
image. The vectors start as "a photo of a", `h` as PyTorch starts linear layers, drawn from the run's seed.
Weight decay 5e-4 and the one warm-up epoch at 1e-5 are those of the public code, as the batch of one image is
the paper's. As for CoOp, training images are cropped and flipped at random in the `paper` preset alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vr.methods.common.base import Context
from vr.methods.common.contributions import Scores
from vr.methods.common.prompts import PromptMethod
from vr.methods.declared.cocoop import CoCoOpDeclaration, CoCoOpOptions

_PROMPTS_AT_ONCE = 1024


class CoCoOp(CoCoOpDeclaration, PromptMethod):
    """Context vectors, and a network that shifts them by the features of the image."""

    def __init__(self, context: Context, options: CoCoOpOptions | None = None) -> None:
        super().__init__(context, options or CoCoOpOptions())
        width = self.vectors.shape[1]
        with torch.no_grad():
            outputs = self.prompts.encode(self.vectors).shape[-1]
        hidden = max(1, outputs // 16)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            network = nn.Sequential(nn.Linear(outputs, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.network = network.to(self.vectors.device)

    def scores(self, prepared: Tensor) -> Scores:
        """`tau * <z, t_c(z)>`, the text features of every image's own prompts."""
        shifted = self.vectors + self.network(prepared)[:, None]
        # In parts, for B * C prompts of a large evaluation batch would not fit anywhere.
        images = max(1, _PROMPTS_AT_ONCE // len(self.prompts.tokens))
        parts = [
            torch.einsum("bd,bcd->bc", features, self.prompts.encode(vectors))
            for features, vectors in zip(prepared.split(images), shifted.split(images), strict=True)
        ]
        return Scores(self.tau * torch.cat(parts))
