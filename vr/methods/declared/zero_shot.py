"""Options, recipe and presets of zero-shot; see `vr.methods.zero_shot`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from attrgen.schema.attribute_set import POSITIVE_KINDS, AttributeSet
from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.options import ANCHOR, AnchorOptions, label_template
from vr.methods.common.recipe import Recipe


class ZeroShotOptions(AnchorOptions):
    """By class name in a template, or by the attribute set's positive banks."""

    text: Literal["name", "attributes"] = Field("name", description="what texts a class is known by")
    template: str = label_template()
    k: int = Field(3, ge=1, description="how many nearest attributes of a class count")


class ZeroShotDeclaration(Declaration):
    """`zero-shot`."""

    name = "zero-shot"
    title = "Zero-shot CLIP: whole images against texts"
    family = "zero-shot"
    learns = "nothing"
    text_side = "class name, or attributes"
    reference = Reference(
        authors="Radford et al.",
        title="Learning Transferable Visual Models From Natural Language Supervision",
        venue="ICML",
        year=2021,
        url="https://arxiv.org/abs/2103.00020",
    )
    recipe = Recipe(epochs=0, augment=False)
    options_type = ZeroShotOptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(about="as published; the default is the same"),
        "attributes": Preset(about="classes known by attributes", options={"text": "attributes"}),
        "anchor": Preset(
            about="by attributes, each encoded with its class name",
            options={"text": "attributes", "anchor": ANCHOR},
        ),
    }

    @classmethod
    def required_kinds(cls, options: Options, attributes: AttributeSet | None = None) -> tuple[str, ...]:
        """Both positive kinds, by attributes."""
        assert isinstance(options, ZeroShotOptions)
        return POSITIVE_KINDS if options.text == "attributes" else ()
