"""Options, recipe and presets of ss-text; see `vr.methods.ss_text`."""

from __future__ import annotations

from typing import ClassVar

from vr.methods.common.facts import Preset, Reference
from vr.methods.common.recipe import Recipe
from vr.methods.declared.zs_lp import ZSLPDeclaration


class SSTextDeclaration(ZSLPDeclaration):
    """`ss-text`."""

    name = "ss-text"
    title = "SS-Text+: text features plus class means, in closed form"
    learns = "a weight vector per class: C * D numbers, in closed form"
    reference = Reference(
        authors="Silva-Rodriguez et al.",
        title="Few-Shot, Now for Real: Medical VLMs Adaptation without Balanced Sets or Validation",
        venue="MICCAI",
        year=2025,
        url="https://arxiv.org/abs/2506.17500",
    )
    recipe = Recipe(epochs=0, augment=False)
    presets: ClassVar[dict[str, Preset]] = {"paper": Preset(about="as published; the default is the same")}
