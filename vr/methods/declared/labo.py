"""Options, recipe and presets of labo; see `vr.methods.labo`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from attrgen.schema.attribute_set import POSITIVE_KINDS
from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Preset, Reference
from vr.methods.common.options import ANCHOR_PRESET, AnchorOptions
from vr.methods.common.recipe import FULL_BATCH, Recipe


class LaBoOptions(AnchorOptions):
    """LaBo's choices."""

    start: float = Field(0.1, description="where the weight of a text in the score of its class starts")


class LaBoDeclaration(Declaration):
    """`labo`."""

    name = "labo"
    title = "LaBo, a concept bottleneck: every score is a weighted sum of the set's sentences"
    family = "frozen features"
    learns = "the weight of every sentence in the score of every class: C * K numbers"
    text_side = "attributes"
    kinds = POSITIVE_KINDS
    reference = Reference(
        authors="Yang et al.",
        title="Language in a Bottle: Language Model Guided Concept Bottlenecks for Interpretable "
        "Image Classification",
        venue="CVPR",
        year=2023,
        url="https://arxiv.org/abs/2211.11158",
    )
    recipe = Recipe(batch_size=FULL_BATCH, optimizer="adamw", lr=0.1, augment=False)
    options_type = LaBoOptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="as published for 16 shots of HAM10000; with --select val",
            recipe={"epochs": 10_000, "batch_size": 16, "lr": 1e-3},
        ),
        "anchor": ANCHOR_PRESET,
    }
