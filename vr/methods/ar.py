"""AR, adversarial reprogramming of CLIP (Tsai et al., ICML 2020; Chen et al., CVPR 2023): one program.

The image is shrunk to leave room for a learnable frame (192 in 224 pixels), and the classes are known by
a sentence about their name: `s[c] = tau * <f(pad(x) + sigmoid(delta) * M), t_c>`. The cited works map labels
of the source task to those of the target; for a CLIP the sentence takes the place of that mapping, as in
the few-shot comparison of AttrVR, whose 200 epochs the `paper` preset keeps.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from vr.methods.common.base import PUBLISHED_CROP, Context, Recipe, Scores
from vr.methods.common.labels import HAS_PLACE, TEMPLATE, label_bank
from vr.methods.common.parts import Part
from vr.methods.common.programs import FrameOptions, ProgramMethod
from vr.reprogramming.score import score


class AROptions(FrameOptions):
    """AR's choices."""

    template: str = Field(TEMPLATE, pattern=HAS_PLACE)


class AR(ProgramMethod):
    """One program and the class names. Learned: 3 * H * W, of which the frame is used."""

    name = "ar"
    recipe = Recipe()
    paper_recipe = Recipe(epochs=200, min_crop=PUBLISHED_CROP)
    options_type = AROptions
    paper_options: ClassVar[AROptions] = AROptions()

    def __init__(self, context: Context, options: AROptions | None = None) -> None:
        options = options or AROptions()
        super().__init__(context, options)
        self.options = options
        self.banks["labels"] = label_bank(context, options.template)

    def scores(self, prepared: Tensor) -> Scores:
        """Scores of the class names."""
        features = self.encoder.encode(prepared, self.delta)[0]
        return Scores(score(features, self.bank("labels"), tau=self.tau, k=1))

    def parts(self, prepared: Tensor) -> list[Part]:
        """The class names alone."""
        features = self.encoder.encode(prepared, self.delta)[0]
        return [Part("labels", self.bank("labels"), features, self.tau, k=1)]
