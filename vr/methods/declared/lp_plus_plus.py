"""Options, recipe and presets of lp-plus-plus; see `vr.methods.lp_plus_plus`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.options import label_template
from vr.methods.common.recipe import Recipe


class LPPlusPlusOptions(Options):
    """LP++'s choices."""

    template: str = label_template()
    iterations: int = Field(300, ge=1, description="full-batch steps")
    keep: Literal["last", "best"] = Field(
        "last", description="iteration that is kept: the last, or the best on validation images"
    )


class LPPlusPlusDeclaration(Declaration):
    """`lp-plus-plus`."""

    name = "lp-plus-plus"
    title = "LP++: a linear probe plus class-wise multiples of the zero-shot scores"
    family = "frozen features"
    learns = "weights, biases and multipliers of the classes: C * D + 2 * C numbers"
    text_side = "class name"
    reference = Reference(
        authors="Huang et al.",
        title="LP++: A Surprisingly Strong Linear Probe for Few-Shot CLIP",
        venue="CVPR",
        year=2024,
        url="https://arxiv.org/abs/2404.02285",
    )
    recipe = Recipe(epochs=0, augment=False)
    options_type = LPPlusPlusOptions
    presets: ClassVar[dict[str, Preset]] = {"paper": Preset(about="as published", options={"keep": "best"})}
