"""Options, recipe and presets of cocoop; see `vr.methods.cocoop`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Preset, Reference
from vr.methods.common.options import PromptOptions
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe


class CoCoOpOptions(PromptOptions):
    """CoCoOp's choices."""

    words: str | None = Field(
        "a photo of a", description="words whose embeddings start the context; None: at random"
    )
    length: int = Field(4, ge=1, description="how many context vectors, where no words are given")


class CoCoOpDeclaration(Declaration):
    """`cocoop`."""

    name = "cocoop"
    title = "CoCoOp: context vectors that a small network shifts by the features of the image"
    family = "prompts"
    learns = (
        "4 context vectors and a network: 4 * W + (D * H + H) + (H * W + W) numbers, W the width of the text "
        "tower, D that of the features, H = max(1, D // 16)"
    )
    text_side = "class name"
    reference = Reference(
        authors="Zhou et al.",
        title="Conditional Prompt Learning for Vision-Language Models",
        venue="CVPR",
        year=2022,
        url="https://arxiv.org/abs/2203.05557",
    )
    recipe = Recipe(batch_size=1, lr=0.002, weight_decay=5e-4, warmup_epochs=1, augment=False)
    options_type = CoCoOpOptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="as published", recipe={"epochs": 10, "augment": True, "min_crop": PUBLISHED_CROP}
        )
    }
