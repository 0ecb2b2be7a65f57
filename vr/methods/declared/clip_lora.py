"""Options, recipe and presets of clip-lora; see `vr.methods.clip_lora`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.options import label_template
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe


class CLIPLoRAOptions(Options):
    """CLIP-LoRA's choices."""

    template: str = label_template()
    rank: int = Field(2, ge=1, description="rank of the updates")
    alpha: float = Field(1.0, gt=0, description="updates are scaled by alpha / sqrt(rank)")
    dropout: float = Field(0.25, ge=0, lt=1, description="dropout on the input of the updates")


class CLIPLoRADeclaration(Declaration):
    """`clip-lora`."""

    name = "clip-lora"
    title = "CLIP-LoRA: low-rank updates of the attention of both towers"
    family = "backbone"
    learns = "updates of q, k and v: 6 * r * W numbers per layer of width W, with rank r = 2"
    text_side = "class name"
    reference = Reference(
        authors="Zanella and Ben Ayed",
        title="Low-Rank Few-Shot Adaptation of Vision-Language Models",
        venue="CVPRW",
        year=2024,
        url="https://arxiv.org/abs/2405.18541",
    )
    recipe = Recipe(batch_size=32, optimizer="adamw", lr=2e-4, weight_decay=0.01)
    options_type = CLIPLoRAOptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="as published, for 8 classes: 16,000 / classes epochs",
            recipe={"epochs": 2000, "min_crop": PUBLISHED_CROP},
        )
    }
