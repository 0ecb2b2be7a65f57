"""Options that several methods share. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field, field_validator

from vr.methods.common.facts import Options, Preset

TEMPLATE = "This is a photo of {}."
ANCHOR = "{class}, which has {text}"  # after Menon and Vondrick, ICLR 2023
ANCHOR_PRESET = Preset(about="each attribute is encoded with its class name", options={"anchor": ANCHOR})
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
Criterion = Literal["likelihood", "accuracy"]


def label_template() -> Any:
    """The field of an option `template`."""
    return Field(
        TEMPLATE, pattern=r"\{\}", description="sentence about a class; `{}` stands for the class name"
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
        json_schema_extra={"added": "0.2.0"},
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
        json_schema_extra={"added": "0.2.0"},
    )

    @field_validator("confusion_anchor")
    @classmethod
    def _check_confusion_anchor(cls, value: str) -> str:
        return _template(("class", "other", "text", "modality"), value)


class FrameOptions(Options):
    """Choices of a padding program."""

    frame: int | None = Field(None, ge=1, description="frame width in pixels; None: from the backbone")


class ProgramOptions(FrameOptions, AnchorOptions):
    """Choices of a padding program scored against attribute banks."""

    k: int = Field(3, ge=1, description="how many nearest attributes of a class count")
    attributes_per_class: int | None = Field(None, ge=1, description="the first n of each kind; None: all")
    pad_to: int | None = Field(
        None, ge=1, description="published padding: each bank filled to n by drawing with replacement"
    )


class PromptOptions(Options):
    """How the learned context starts."""

    words: str | None = Field(None, description="words whose embeddings start the context; None: at random")
    length: int = Field(16, ge=1, description="how many context vectors, where no words are given")
