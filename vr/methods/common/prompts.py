"""What the prompt learners share: context vectors in the text tower's input, read against image features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vr.methods.common.base import Context
from vr.methods.common.contributions import Scores
from vr.methods.common.features import FeatureMethod
from vr.methods.common.options import PromptOptions
from vr.reprogramming.prompt import Prompts, word_vectors


class PromptMethod(FeatureMethod):
    """n context vectors (n, W), shared by all classes, before every class name."""

    def __init__(self, context: Context, options: PromptOptions) -> None:
        super().__init__(context)
        self.options = options
        backbone = context.backbone
        words = None if options.words is None else word_vectors(backbone, options.words)
        self.prompts = Prompts(
            backbone, context.card.class_names, options.length if words is None else len(words)
        )
        if words is None:
            generator = torch.Generator().manual_seed(context.seed)
            words = 0.02 * torch.randn(options.length, self.prompts.tower.width, generator=generator)
        self.vectors = nn.Parameter(words.to(backbone.device))
        self._cached: tuple[int, Tensor] | None = None

    def text_features(self) -> Tensor:
        """Unit text features (C, D) of the prompts; in evaluation computed once and cached."""
        if self.training or torch.is_grad_enabled():
            return self.prompts.encode(self.vectors)
        version = self.vectors._version  # counts all writes to the vectors
        if self._cached is None or self._cached[0] != version:
            self._cached = version, self.prompts.encode(self.vectors)
        return self._cached[1]

    def scores(self, prepared: Tensor) -> Scores:
        """`tau * <f(x), t_c>` with the text features of the prompts."""
        return Scores(self.tau * prepared @ self.text_features().T)

    def train(self, mode: bool = True) -> PromptMethod:
        """As of any module; text features of an earlier state of training are dropped."""
        self._cached = None
        super().train(mode)
        return self
