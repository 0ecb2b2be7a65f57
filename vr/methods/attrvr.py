"""AttrVR (Cai et al., ICLR 2025): one padding program, scored against descriptive and distinctive attributes.

`s = alpha * topk(z, T_des) + (1 - alpha) * topk(z, T_dist)`. Learned: 3 * H * W numbers, of which the
frame is used.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from vr.methods.common.attributes import ANCHOR_PRESET
from vr.methods.common.base import Context
from vr.methods.common.contributions import Contribution
from vr.methods.common.facts import Preset, Reference
from vr.methods.common.programs import AttributeProgramMethod, ProgramOptions
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe


class AttrVROptions(ProgramOptions):
    """AttrVR's choices."""

    alpha: float = Field(0.5, ge=0, le=1, description="weight of the descriptive bank")


class AttrVR(AttributeProgramMethod):
    """One program and the positive banks."""

    name = "attrvr"
    kinds = ("descriptive", "distinctive")
    title = "AttrVR: a frame around the image, and descriptive and distinctive attributes"
    family = "programs"
    learns = "a frame: 3 * H * W numbers, of which those of the frame are used"
    text_side = "attributes"
    reference = Reference(
        authors="Cai et al.",
        title="Attribute-based Visual Reprogramming for Vision-Language Models",
        venue="ICLR",
        year=2025,
        url="https://arxiv.org/abs/2501.13982",
    )
    recipe = Recipe()
    options_type = AttrVROptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="as published",
            options={"pad_to": 20},
            recipe={"epochs": 200, "min_crop": PUBLISHED_CROP},
        ),
        "anchor": ANCHOR_PRESET,
    }
    options: AttrVROptions

    def __init__(self, context: Context, options: AttrVROptions | None = None) -> None:
        super().__init__(context, options or AttrVROptions())

    def contributions(self, prepared: Tensor) -> list[Contribution]:
        """The two banks, weighted by alpha and 1 - alpha."""
        features = self.encoder.encode(prepared, self.delta)[0]
        shares = {"descriptive": self.options.alpha, "distinctive": 1 - self.options.alpha}
        return [
            Contribution(name, self.bank(name), features, self.tau, self.options.k, share=share)
            for name, share in shares.items()
        ]
