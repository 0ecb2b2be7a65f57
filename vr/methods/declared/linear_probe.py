"""Options, recipe and presets of linear-probe; see `vr.methods.linear_probe`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.options import Criterion
from vr.methods.common.recipe import Recipe


class LinearProbeOptions(Options):
    """The linear probe's choices."""

    c: float | None = Field(None, gt=0, description="inverse regularisation; None: chosen on validation")
    choose_by: Criterion = Field("likelihood", description="quality on validation by which C is chosen")


class LinearProbeDeclaration(Declaration):
    """`linear-probe`."""

    name = "linear-probe"
    title = "Linear probe: logistic regression on frozen image features"
    family = "frozen features"
    learns = "weights and biases of the classes: C * D + C numbers"
    text_side = "none"
    reference = Reference(
        authors="Radford et al.",
        title="Learning Transferable Visual Models From Natural Language Supervision",
        venue="ICML",
        year=2021,
        url="https://arxiv.org/abs/2103.00020",
    )
    recipe = Recipe(epochs=0, augment=False)
    options_type = LinearProbeOptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(about="as published", options={"choose_by": "accuracy"})
    }
