"""AR, adversarial reprogramming of CLIP (Tsai et al., ICML 2020; Chen et al., CVPR 2023): one program.

The image is shrunk to leave room for a learnable frame (192 in 224 pixels), and the classes are known by
a sentence about their name: `s[c] = tau * <f(pad(x) + sigmoid(delta) * M), t_c>`. The cited works map labels
of the source task to those of the target; for a CLIP the sentence takes the place of that mapping, as in
the few-shot comparison of AttrVR, whose 200 epochs the `paper` preset keeps.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from vr.methods.common.base import Context
from vr.methods.common.contributions import Contribution
from vr.methods.common.facts import Preset, Reference
from vr.methods.common.labels import label_bank, label_template
from vr.methods.common.programs import FrameOptions, ProgramMethod
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe


class AROptions(FrameOptions):
    """AR's choices."""

    template: str = label_template()


class AR(ProgramMethod):
    """One program and the class names."""

    name = "ar"
    title = "AR, adversarial reprogramming: a frame around the image, and the class names"
    family = "programs"
    learns = "a frame: 3 * H * W numbers, of which those of the frame are used"
    text_side = "class name"
    reference = Reference(
        authors="Chen et al.",
        title="Understanding and Improving Visual Prompting: A Label-Mapping Perspective",
        venue="CVPR",
        year=2023,
        url="https://arxiv.org/abs/2211.11635",
        builds_on="Tsai et al., ICML 2020",
    )
    recipe = Recipe()
    options_type = AROptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="as in the few-shot comparison of AttrVR",
            recipe={"epochs": 200, "min_crop": PUBLISHED_CROP},
        )
    }

    def __init__(self, context: Context, options: AROptions | None = None) -> None:
        options = options or AROptions()
        super().__init__(context, options)
        self.options = options
        self.banks["labels"] = label_bank(context, options.template)

    def contributions(self, prepared: Tensor) -> list[Contribution]:
        """The class names alone."""
        features = self.encoder.encode(prepared, self.delta)[0]
        return [Contribution("labels", self.bank("labels"), features, self.tau, k=1)]
