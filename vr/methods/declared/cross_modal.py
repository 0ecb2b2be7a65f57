"""Options, recipe and presets of cross-modal; see `vr.methods.cross_modal`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from attrgen.schema.attribute_set import POSITIVE_KINDS, AttributeSet
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.options import ANCHOR_PRESET, AnchorOptions, label_template
from vr.methods.declared.linear_probe import LinearProbeDeclaration, LinearProbeOptions


class CrossModalOptions(LinearProbeOptions, AnchorOptions):
    """Which texts are samples, and what they count."""

    text: Literal["attributes", "name"] = Field("attributes", description="texts that are samples")
    template: str = label_template()
    balance: Literal["samples", "modalities"] = Field(
        "samples", description="samples: a text counts like an image; modalities: all texts like all images"
    )


class CrossModalDeclaration(LinearProbeDeclaration):
    """`cross-modal`."""

    name = "cross-modal"
    title = "Cross-modal probe: logistic regression on image features and on texts"
    text_side = "attributes, or class name"
    reference = Reference(
        authors="Lin et al.",
        title="Multimodality Helps Unimodality: Cross-Modal Few-Shot Learning with Multimodal Models",
        venue="CVPR",
        year=2023,
        url="https://arxiv.org/abs/2301.06267",
    )
    options_type = CrossModalOptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(
            about="class names as texts, modalities that count alike, C by accuracy",
            options={"text": "name", "balance": "modalities", "choose_by": "accuracy"},
        ),
        "anchor": ANCHOR_PRESET,
    }

    @classmethod
    def required_kinds(cls, options: Options, attributes: AttributeSet | None = None) -> tuple[str, ...]:
        """Both positive kinds, where attributes are the texts."""
        assert isinstance(options, CrossModalOptions)
        return POSITIVE_KINDS if options.text == "attributes" else ()
