"""VP, visual prompting (Bahng et al., 2022): a learnable border added onto the normalised image.

`s[c] = tau * <f(normalise(x) + delta * M), t_c>`, where `M` is 1 on a border of 30 of 224 pixels (in
proportion for other sizes) and 0 inside; the image keeps its full size beneath. Classes are known by
"This is a photo of {class}.", the paper's text.

The paper's code draws the border from a standard normal distribution, and so does the `paper` preset; the
default starts at zero, where the image is still what CLIP knows, as the other programs do. The paper trains
1000 epochs on whole datasets; the preset keeps the 200 epochs of the few-shot comparison of AttrVR.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from attrgen.core.errors import UserError
from vr.methods.common.base import Context
from vr.methods.common.contributions import Contribution
from vr.methods.common.labels import label_bank
from vr.methods.common.programs import ReprogrammingMethod
from vr.methods.declared.vp import VPDeclaration, VPOptions
from vr.reprogramming.program import Program, frame_mask

PUBLISHED_BORDER = 30 / 224


class VP(VPDeclaration, ReprogrammingMethod):
    """One border and the class names."""

    def __init__(self, context: Context, options: VPOptions | None = None) -> None:
        self.options = options or VPOptions()
        super().__init__(context, self.options)
        backbone = context.backbone
        side = self.image_size = backbone.image_size
        self.border = self.options.border or max(1, round(side * PUBLISHED_BORDER))
        if self.border >= side / 2:
            raise UserError(
                f"a border of {self.border} pixels covers all of an image of {side} pixels",
                code="method-border-too-wide",
                remedy=f"Choose a border from 1 to {(side - 1) // 2}.",
            )
        delta = torch.zeros(3, side, side)
        if self.options.start == "normal":
            delta.normal_(generator=torch.Generator().manual_seed(context.seed))
        self.delta = nn.Parameter(delta.to(backbone.device))
        self.banks["labels"] = label_bank(context, self.options.template)

    def inputs(self, images: Tensor) -> Tensor:
        """The images themselves."""
        return images

    def programs(self) -> dict[str, Program]:
        """The border in pixels: `delta * M * std`."""
        mask = frame_mask(self.image_size, self.border)
        return {"pos": Program(self.delta.detach().cpu() * mask * self.context.backbone.std.cpu(), mask)}

    def features(self, inputs: Tensor) -> Tensor:
        """Unit features (1, B, D) of images under the border."""
        backbone = self.context.backbone
        mask = frame_mask(self.image_size, self.border, device=self.delta.device)
        # Added in pixels times std, so that normalising leaves exactly delta.
        return backbone.encode_image(inputs + self.delta * mask * backbone.std)[None]

    def text_contributions(self, features: Tensor) -> list[Contribution]:
        """The class names alone."""
        return [Contribution("labels", self.bank("labels"), features[0], self.tau, k=1)]

    def state(self) -> dict[str, Tensor]:
        """`delta` (3, H, W), the bank, and the visual expert."""
        return {"delta": self.delta.detach()} | super().state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        self.delta.data.copy_(tensors["delta"])
        super().load_state(tensors)

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """The border at the full learning rate."""
        return [{"params": [self.delta], "lr": lr}]
