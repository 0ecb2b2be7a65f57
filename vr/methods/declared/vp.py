"""Options, recipe and presets of vp; see `vr.methods.vp`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Preset, Reference
from vr.methods.common.levers import PROGRAM_LEVERS
from vr.methods.common.options import ReprogrammingOptions, label_template
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe


class VPOptions(ReprogrammingOptions):
    """VP's choices."""

    border: int | None = Field(None, ge=1, description="width in pixels; None: 30/224 of the image's side")
    start: Literal["zero", "normal"] = Field("zero", description="where the border starts")
    template: str = label_template()


class VPDeclaration(Declaration):
    """`vp`."""

    name = "vp"
    title = "VP, visual prompting: a border added onto the image, and the class names"
    family = "programs"
    learns = "a border: 3 * H * W numbers, of which those of the border are used"
    text_side = "class name"
    reference = Reference(
        authors="Bahng et al.",
        title="Exploring Visual Prompts for Adapting Large-Scale Models",
        venue="arXiv",
        year=2022,
        url="https://arxiv.org/abs/2203.17274",
    )
    recipe = Recipe()
    options_type = VPOptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="start as published, budget as in the few-shot comparison of AttrVR",
            options={"start": "normal"},
            recipe={"epochs": 200, "min_crop": PUBLISHED_CROP},
        ),
        **PROGRAM_LEVERS,
    }
