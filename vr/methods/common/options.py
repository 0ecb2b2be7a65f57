"""Options that several methods share. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from vr.methods.common.facts import Options, Preset
from vr.methods.common.identity import added

TEMPLATE = "This is a photo of {}."
ANCHOR = "{class}, which has {text}"  # after Menon and Vondrick, ICLR 2023
ANCHOR_PRESET = Preset(about="each attribute is encoded with its class name", options={"anchor": ANCHOR})
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
Criterion = Literal["likelihood", "accuracy"]
Visual = Literal["none", "prototype", "gda", "probe"]


def label_template() -> Any:
    """The field of an option `template`."""
    return Field(
        TEMPLATE, pattern=r"\{\}", description="sentence about a class; `{}` stands for the class name"
    )


def visual_field(default: Visual) -> Any:
    """The field of an option `visual`. Runs that were recorded before it existed have none."""
    return Field(
        default,
        description="a classifier of the reprogrammed training images beside the texts: class means, "
        "Gaussian discriminant analysis or logistic regression",
        json_schema_extra=added("none"),
    )


def _template(known: Iterable[str], text: str) -> str:
    named = PLACEHOLDER.findall(text)
    if text and ("text" not in named or not set(named) <= set(known)):
        listed = ", ".join(f"{{{name}}}" for name in known)
        raise ValueError(f"a template must contain {{text}}, and no other placeholders than {listed}")
    return text


class AnchorOptions(Options):
    """How the attributes of a class are encoded."""

    anchor: str = Field(
        "",
        description="template in which an attribute is encoded, unless it names its class already, such as "
        f"'{ANCHOR}'; also {{modality}}; empty: the attribute alone",
        json_schema_extra=added(""),
    )

    @field_validator("anchor")
    @classmethod
    def _check_anchor(cls, value: str) -> str:
        return _template(("class", "text", "modality"), value)


class ConfusionAnchorOptions(AnchorOptions):
    """The same, and how confusion attributes are encoded."""

    confusion_anchor: str = Field(
        "",
        description="template of confusion attributes, such as '{other}, which has {text}': {other} is the "
        "class that the text describes, {class} the one mistaken for it; empty: the attribute alone",
        json_schema_extra=added(""),
    )

    @field_validator("confusion_anchor")
    @classmethod
    def _check_confusion_anchor(cls, value: str) -> str:
        return _template(("class", "other", "text", "modality"), value)


class VisualOptions(Options):
    """Whether training images decide beside the texts."""

    visual: Visual = visual_field("none")
    visual_weight: float | None = Field(
        0.5,
        ge=0,
        le=1,
        description="weight of the visual expert in the fused score; None: chosen by likelihood on "
        "validation images, 0.5 without any",
        json_schema_extra=added(0.5),
    )
    visual_c: float = Field(
        31.6, gt=0, description="inverse regularisation of a visual probe", json_schema_extra=added(31.6)
    )
    visual_scales: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (1.0, 0.6, 0.4),
        description="other views of the image that the visual expert sees beside those through the programs: "
        "shares of the input's side that the image takes, grey around it",
        json_schema_extra=added((1.0, 0.6, 0.4)),
    )
    visual_passes: int = Field(
        0,
        ge=0,
        description="augmented passes over the training images that the visual expert is fitted to, too",
        json_schema_extra=added(0),
    )


class ReprogrammingOptions(VisualOptions):
    """Choices of every program."""

    normalise_gradient: bool = Field(
        False,
        description="divide each program's gradient by its norm, so that the learning rate fits every "
        "backbone; use it with lr from 0.1 to 1",
        json_schema_extra=added(False),
    )


class FrameOptions(ReprogrammingOptions):
    """Choices of a padding program."""

    frame: int | None = Field(None, ge=1, description="frame width in pixels; None: from the backbone")


class ProgramOptions(FrameOptions, AnchorOptions):
    """Choices of a padding program scored against attribute banks."""

    k: int = Field(3, ge=1, description="how many nearest attributes of a class count")
    pooling: Literal["nearest", "counted", "learned"] = Field(
        "nearest",
        description="what counts in the score of a class: its k nearest texts; all of its texts, each as "
        "often as it is among the k nearest of the class's training images; or the texts of all classes, "
        "each with a learned weight",
        json_schema_extra=added("nearest"),
    )
    pooling_lr: float = Field(
        1e-3, ge=0, description="learning rate of learned weights of texts", json_schema_extra=added(1e-3)
    )
    programs: int = Field(
        1,
        ge=1,
        le=8,
        description="programs of the positive attributes, which are divided by similarity into as many "
        "clusters; each is scored through its own program",
        json_schema_extra=added(1),
    )
    attributes_per_class: int | None = Field(None, ge=1, description="the first n of each kind; None: all")
    pad_to: int | None = Field(
        None, ge=1, description="published padding: each bank filled to n by drawing with replacement"
    )


class PromptOptions(Options):
    """How the learned context starts."""

    words: str | None = Field(None, description="words whose embeddings start the context; None: at random")
    length: int = Field(16, ge=1, description="how many context vectors, where no words are given")
