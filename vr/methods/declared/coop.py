"""Options, recipe and presets of coop; see `vr.methods.coop`."""

from __future__ import annotations

from typing import ClassVar

from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Preset, Reference
from vr.methods.common.options import PromptOptions
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe


class CoOpOptions(PromptOptions):
    """CoOp's choices."""


class CoOpDeclaration(Declaration):
    """`coop`."""

    name = "coop"
    title = "CoOp: context vectors in the input of the text tower, shared by all classes"
    family = "prompts"
    learns = "16 context vectors: 16 * W numbers, W the width of the text tower"
    text_side = "class name"
    reference = Reference(
        authors="Zhou et al.",
        title="Learning to Prompt for Vision-Language Models",
        venue="IJCV",
        year=2022,
        url="https://arxiv.org/abs/2109.01134",
    )
    recipe = Recipe(batch_size=32, lr=0.002, weight_decay=5e-4, warmup_epochs=1, augment=False)
    options_type = CoOpOptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="as published", recipe={"epochs": 200, "augment": True, "min_crop": PUBLISHED_CROP}
        )
    }
