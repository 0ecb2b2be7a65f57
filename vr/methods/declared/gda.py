"""Options, recipe and presets of gda; see `vr.methods.gda`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.options import label_template
from vr.methods.common.recipe import Recipe


class GDAOptions(Options):
    """GDA's choices."""

    template: str = label_template()
    text: Literal["name", "none"] = Field(
        "name", description="name: added to zero-shot scores by class name; none: the Gaussians alone"
    )
    alpha: float | None = Field(
        None, gt=0, description="weight of the Gaussians' scores; None: chosen on validation"
    )


class GDADeclaration(Declaration):
    """`gda`."""

    name = "gda"
    title = "GDA: Gaussian discriminant analysis of image features, beside zero-shot scores"
    family = "frozen features"
    learns = "weights and biases of the classes: C * D + C numbers, in closed form, and their weight"
    text_side = "class name"
    reference = Reference(
        authors="Wang et al.",
        title="A Hard-to-Beat Baseline for Training-free CLIP-based Adaptation",
        venue="ICLR",
        year=2024,
        url="https://arxiv.org/abs/2402.04087",
    )
    recipe = Recipe(epochs=0, augment=False)
    options_type = GDAOptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(about="as published; the default is the same"),
        "alone": Preset(about="without texts", options={"text": "none"}),
    }
