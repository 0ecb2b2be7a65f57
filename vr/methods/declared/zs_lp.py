"""Options, recipe and presets of zs-lp; see `vr.methods.zs_lp`."""

from __future__ import annotations

from typing import ClassVar

from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.options import label_template
from vr.methods.common.recipe import FULL_BATCH, Recipe


class ZSLPOptions(Options):
    """The sentence that the classifier starts from."""

    template: str = label_template()


class ZSLPDeclaration(Declaration):
    """`zs-lp`."""

    name = "zs-lp"
    title = "ZS-LP: a linear probe by cosines, started at the zero-shot classifier"
    family = "frozen features"
    learns = "a weight vector per class: C * D numbers"
    text_side = "class name"
    reference = Reference(
        authors="Silva-Rodriguez et al.",
        title="A Closer Look at the Few-Shot Adaptation of Large Vision-Language Models",
        venue="CVPR",
        year=2024,
        url="https://arxiv.org/abs/2312.12730",
    )
    recipe = Recipe(batch_size=FULL_BATCH, lr=0.1, augment=False)
    options_type = ZSLPOptions
    presets: ClassVar[dict[str, Preset]] = {"paper": Preset(about="as published", recipe={"epochs": 300})}
