"""Options, recipe and presets of attrvr; see `vr.methods.attrvr`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Preset, Reference
from vr.methods.common.levers import LEVERS
from vr.methods.common.options import ANCHOR_PRESET, ProgramOptions
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe


class AttrVROptions(ProgramOptions):
    """AttrVR's choices."""

    alpha: float = Field(0.5, ge=0, le=1, description="weight of the descriptive bank")


class AttrVRDeclaration(Declaration):
    """`attrvr`."""

    name = "attrvr"
    kinds = ("descriptive", "distinctive")
    title = "AttrVR: a frame around the image, and descriptive and distinctive attributes"
    family = "programs"
    learns = "a frame: 3 * H * W numbers, of which those of the frame are used"
    text_side = "attributes"
    reference = Reference(
        authors="Cai et al.",
        title="Attribute-based Visual Reprogramming for Vision-Language Models",
        venue="ICLR",
        year=2025,
        url="https://arxiv.org/abs/2501.13982",
    )
    recipe = Recipe()
    options_type = AttrVROptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="as published",
            options={"pad_to": 20},
            recipe={"epochs": 200, "min_crop": PUBLISHED_CROP},
        ),
        "anchor": ANCHOR_PRESET,
        **LEVERS,
    }
