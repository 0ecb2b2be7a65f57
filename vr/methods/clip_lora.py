"""CLIP-LoRA (Zanella and Ben Ayed, CVPRW 2024): low-rank updates of the attention of both towers.

The update of `vr.methods.common.low_rank` is learned for q, k and v in every layer of the image and the text
tower; scores are `tau * <f(x), t_c>` under cross-entropy. This changes the backbone, which all other methods
leave frozen: it is the upper reference of a table, not a competitor of the same cost. The weights on disk are
not touched, and a run stores the updates alone.

The paper trains `500 * shots` steps of 32 images, that is 16,000 / C epochs of C classes; the `paper` preset
has the 2,000 of 8 classes: give `--epochs` for another number. Nothing is chosen on validation or test
images.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attrgen.core.errors import UserError
from vr.methods.common.base import Context, Method
from vr.methods.common.contributions import Scores
from vr.methods.common.low_rank import LowRankSettings, with_updates
from vr.methods.declared.clip_lora import CLIPLoRADeclaration, CLIPLoRAOptions


class CLIPLoRA(CLIPLoRADeclaration, Method):
    """Low-rank updates beside the frozen weights of both towers."""

    def __init__(self, context: Context, options: CLIPLoRAOptions | None = None) -> None:
        super().__init__(context)
        self.options = options or CLIPLoRAOptions()
        backbone, chosen = context.backbone, self.options
        self.image_size = backbone.image_size
        settings = LowRankSettings(chosen.rank, chosen.alpha, chosen.dropout)
        model, updates = with_updates(backbone.model, settings, torch.Generator().manual_seed(context.seed))
        if not any(name.startswith("visual.") for name in updates):
            raise UserError(
                f"the image tower of {backbone.name} has no attention layers to update",
                code="method-unsupported-backbone",
                remedy="clip-lora needs a ViT.",
            )
        # Not a module of this one: its frozen weights are not this method's to store or to train.
        self.adapted = replace(backbone, model=model)
        self.updates = nn.ModuleDict({name.replace(".", "/"): update for name, update in updates.items()})
        texts = [chosen.template.replace("{}", name) for name in context.card.class_names]
        self.tokens = backbone.tokens(texts)
        self._cached: tuple[tuple[int, ...], Tensor] | None = None

    def prepare(self, images: Tensor) -> Tensor:
        """The images themselves."""
        return images

    def text_features(self) -> Tensor:
        """Unit text features (C, D); in evaluation computed once and cached."""
        if self.training or torch.is_grad_enabled():
            return self._encode_text()
        versions = tuple(parameter._version for parameter in self.parameters())
        if self._cached is None or self._cached[0] != versions:
            self._cached = versions, self._encode_text()
        return self._cached[1]

    def scores(self, prepared: Tensor) -> Scores:
        """`tau * <f(x), t_c>` of the updated towers."""
        return Scores(self.tau * self.adapted.encode_by_model(prepared) @ self.text_features().T)

    def train(self, mode: bool = True) -> CLIPLoRA:
        """As of any module; text features of an earlier state of training are dropped."""
        self._cached = None
        super().train(mode)
        return self

    def _encode_text(self) -> Tensor:
        features: Tensor = self.adapted.model.encode_text(self.tokens)  # type: ignore[operator]
        return F.normalize(features.float(), dim=-1)
