"""Options, recipe and presets of ar; see `vr.methods.ar`."""

from __future__ import annotations

from typing import ClassVar

from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Preset, Reference
from vr.methods.common.levers import PROGRAM_LEVERS
from vr.methods.common.options import FrameOptions, label_template
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe


class AROptions(FrameOptions):
    """AR's choices."""

    template: str = label_template()


class ARDeclaration(Declaration):
    """`ar`."""

    name = "ar"
    title = "AR, adversarial reprogramming: a frame around the image, and the class names"
    family = "programs"
    learns = "a frame: 3 * H * W numbers, of which those of the frame are used"
    text_side = "class name"
    reference = Reference(
        authors="Chen et al.",
        title="Understanding and Improving Visual Prompting: A Label-Mapping Perspective",
        venue="CVPR",
        year=2023,
        url="https://arxiv.org/abs/2211.11635",
        builds_on="Tsai et al., ICML 2020",
    )
    recipe = Recipe()
    options_type = AROptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="as in the few-shot comparison of AttrVR",
            recipe={"epochs": 200, "min_crop": PUBLISHED_CROP},
        ),
        **PROGRAM_LEVERS,
    }
