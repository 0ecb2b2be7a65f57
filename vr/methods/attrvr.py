"""AttrVR (Cai et al., ICLR 2025): one padding program, scored against descriptive and distinctive attributes.

`s = alpha * topk(z, T_des) + (1 - alpha) * topk(z, T_dist)`. Learned: 3 * H * W numbers, of which the
frame is used.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from vr.methods.common.base import PUBLISHED_CROP, Context, Recipe, Scores
from vr.methods.common.parts import Part
from vr.methods.common.programs import AttributeProgramMethod, ProgramOptions
from vr.reprogramming.score import score


class AttrVROptions(ProgramOptions):
    """AttrVR's choices."""

    alpha: float = Field(0.5, ge=0, le=1, description="weight of the descriptive bank")


class AttrVR(AttributeProgramMethod):
    """One program and the positive banks. Learned: 3 * H * W."""

    name = "attrvr"
    kinds = ("descriptive", "distinctive")
    recipe = Recipe()
    paper_recipe = Recipe(epochs=200, min_crop=PUBLISHED_CROP)
    options_type = AttrVROptions
    paper_options: ClassVar[AttrVROptions] = AttrVROptions(pad_to=20)
    options: AttrVROptions

    def __init__(self, context: Context, options: AttrVROptions | None = None) -> None:
        super().__init__(context, options or AttrVROptions())

    def scores(self, prepared: Tensor) -> Scores:
        """Scores of the positive banks."""
        features = self.encoder.encode(prepared, self.delta)[0]
        k, alpha = self.options.k, self.options.alpha
        descriptive = score(features, self.bank("descriptive"), tau=self.tau, k=k)
        distinctive = score(features, self.bank("distinctive"), tau=self.tau, k=k)
        return Scores(alpha * descriptive + (1 - alpha) * distinctive)

    def parts(self, prepared: Tensor) -> list[Part]:
        """The two banks, weighted by alpha and 1 - alpha."""
        features = self.encoder.encode(prepared, self.delta)[0]
        shares = {"descriptive": self.options.alpha, "distinctive": 1 - self.options.alpha}
        return [
            Part(name, self.bank(name), features, self.tau, self.options.k, share=share)
            for name, share in shares.items()
        ]
