"""Options, recipe and presets of biomedvr; see `vr.methods.biomedvr`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from attrgen.schema.attribute_set import POSITIVE_KINDS, AttributeSet
from vr.methods.common.ablations import ABLATIONS, PUBLISHED_BETA
from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.options import (
    ANCHOR_PRESET,
    ConfusionAnchorOptions,
    ProgramOptions,
    Visual,
    visual_field,
)
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe
from vr.reprogramming.choices import Fusion, PenaltyAgainst, PenaltyOver


class BioMedVROptions(ProgramOptions, ConfusionAnchorOptions):
    """The open choices of the method. `BioMedVR.paper_options` is what produced the published table."""

    fusion: Fusion = Field("add", description="sign of the negative expert in the fused score")
    gate: Literal["shared", "per-class", "per-image", "none"] = Field(
        "shared", description="none: both experts count half, always"
    )
    gate_lr: float | None = Field(0.01, ge=0, description="learning rate of the gate; None: as the programs")
    visual: Visual = visual_field("probe")
    beta: float = Field(
        0.0, ge=0, description=f"weight of the confusion penalty; {PUBLISHED_BETA:g} as published"
    )
    margin: float = Field(0.5, description="margin of the penalty, in logit units")
    penalty: PenaltyAgainst = Field(
        "fused",
        description="the scores that must exceed the negative expert's: fused, or the positive expert's",
    )
    penalty_over: PenaltyOver = Field(
        "all", description="classes that the penalty looks at: all, or the others than the true one"
    )
    negatives: Literal["own", "keyed", "random", "shuffled", "none"] = Field(
        "own",
        description="what the negative expert reads: each class's confusion attributes; keyed: all, each for "
        "the class it describes against the one mistaken for it (fusion=add); random texts; others'; none",
    )
    corrupt_positives: float = Field(
        0.0, ge=0, le=1, description="share of each class's positive attributes replaced by other classes'"
    )


class BioMedVRDeclaration(Declaration):
    """`biomedvr`."""

    name = "biomedvr"
    kinds = ("descriptive", "distinctive", "confusion")
    title = "BioMedVR: a positive and a negative expert with a frame each, and a gate"
    family = "programs"
    learns = (
        "two frames and a gate: 2 * 3 * H * W numbers, of which those of the frames are used, and the "
        "gate's; the classifiers of a visual expert are fitted after training"
    )
    text_side = "attributes and confusion attributes"
    reference = Reference(
        authors="Liu et al.",
        title="BioMedVR: Confusion-Aware Mixture-of-Prompt Experts for Biomedical Visual Reprogramming",
        venue="ECCV",
        year=2026,
        url="https://arxiv.org/abs/2606.24740",
    )
    recipe = Recipe()
    options_type = BioMedVROptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="as published",
            options={"pad_to": 20, "gate_lr": None, "beta": PUBLISHED_BETA, "visual": "none"},
            recipe={"epochs": 400, "min_crop": PUBLISHED_CROP, "one_shot_batch_size": 16},
        ),
        **ABLATIONS,
        "anchor": ANCHOR_PRESET,
    }

    @classmethod
    def required_kinds(cls, options: Options, attributes: AttributeSet | None = None) -> tuple[str, ...]:
        """All three, or without the negative expert the positive two."""
        assert isinstance(options, BioMedVROptions)
        return POSITIVE_KINDS if options.negatives == "none" else cls.kinds
