"""CoOp (Zhou et al., IJCV 2022): context vectors in the text tower's input, shared by all classes.

The prompt of a class is `v1 ... v16 class name.`, the vectors start from N(0, 0.02 ** 2), and scores are
`tau * <f(x), t_c>` under cross-entropy: the paper's unified context with the name at the end. Weight decay
5e-4 and the one warm-up epoch at 1e-5 are those of the public code.

The paper crops and flips training images at random, and so does the `paper` preset. By default images are
taken as they are, so that their features are computed once and shared with the other methods that read them.
"""

from __future__ import annotations

from typing import ClassVar

from vr.methods.common.base import Context
from vr.methods.common.facts import Preset, Reference
from vr.methods.common.prompts import PromptMethod, PromptOptions
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe


class CoOpOptions(PromptOptions):
    """CoOp's choices."""


class CoOp(PromptMethod):
    """Context vectors that all classes share, read against image features."""

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

    def __init__(self, context: Context, options: CoOpOptions | None = None) -> None:
        super().__init__(context, options or CoOpOptions())
