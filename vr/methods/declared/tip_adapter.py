"""Options, recipe and presets of tip-adapter and tip-adapter-f; see `vr.methods.tip_adapter`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.options import label_template
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe


class TipAdapterOptions(Options):
    """Tip-Adapter's choices."""

    template: str = label_template()
    alpha: float = Field(1.0, ge=0, description="weight of the cache, before the search")
    beta: float = Field(5.5, gt=0, description="sharpness of the cache, before the search")
    search: bool = Field(True, description="search alpha and beta on validation")


class TipAdapterDeclaration(Declaration):
    """`tip-adapter`."""

    name = "tip-adapter"
    title = "Tip-Adapter: a cache of few-shot features beside zero-shot scores"
    family = "frozen features"
    learns = "nothing: the cache is computed"
    text_side = "class name"
    reference = Reference(
        authors="Zhang et al.",
        title="Tip-Adapter: Training-free Adaption of CLIP for Few-shot Classification",
        venue="ECCV",
        year=2022,
        url="https://arxiv.org/abs/2207.09519",
    )
    recipe = Recipe(epochs=0, augment=False)
    options_type = TipAdapterOptions
    presets: ClassVar[dict[str, Preset]] = {"paper": Preset(about="as published; the default is the same")}


class TipAdapterFDeclaration(TipAdapterDeclaration):
    """`tip-adapter-f`."""

    name = "tip-adapter-f"
    title = "Tip-Adapter-F: Tip-Adapter with learned keys of the cache"
    learns = "the keys of the cache: N * D numbers of N training images"
    recipe = Recipe(batch_size=256, optimizer="adamw", lr=0.001, weight_decay=0.01, augment=False)
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="as published", recipe={"epochs": 20, "augment": True, "min_crop": PUBLISHED_CROP}
        )
    }
