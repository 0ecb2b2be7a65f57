"""Zero-shot CLIP (Radford et al., 2021): nothing is learned; classes are sentences or attributes."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from attrgen.schema.attribute_set import POSITIVE_KINDS, AttributeSet
from attrgen.schema.matching import require
from vr.methods.common.attributes import ANCHOR, AnchorOptions, attribute_bank
from vr.methods.common.base import Context
from vr.methods.common.contributions import Contribution
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.features import FeatureMethod
from vr.methods.common.labels import label_bank, label_template
from vr.methods.common.recipe import Recipe


class ZeroShotOptions(AnchorOptions):
    """By class name in a template, or by the attribute set's positive banks."""

    text: Literal["name", "attributes"] = Field("name", description="what texts a class is known by")
    template: str = label_template()
    k: int = Field(3, ge=1, description="how many nearest attributes of a class count")


class ZeroShot(FeatureMethod):
    """Scores whole images as they are."""

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

    def __init__(self, context: Context, options: ZeroShotOptions | None = None) -> None:
        super().__init__(context)
        self.options = options or ZeroShotOptions()
        if self.options.text == "name":
            self.banks["0"] = label_bank(context, self.options.template)
        elif context.attributes is not None:
            require(context.attributes, POSITIVE_KINDS, file=context.attributes_file)
            for number, kind in enumerate(POSITIVE_KINDS):
                texts = [context.attributes.classes[name].texts(kind) for name in context.card.class_names]
                self.banks[str(number)] = attribute_bank(context, texts, self.options.anchor)

    @classmethod
    def required_kinds(cls, options: Options, attributes: AttributeSet | None = None) -> tuple[str, ...]:
        """Both positive kinds, by attributes."""
        assert isinstance(options, ZeroShotOptions)
        return POSITIVE_KINDS if options.text == "attributes" else ()

    def contributions(self, prepared: Tensor) -> list[Contribution]:
        """The class names alone, or the mean of the positive banks.

        Raises:
            UserError: by attributes, and there was no attribute set.
        """
        names = ("labels",) if self.options.text == "name" else POSITIVE_KINDS
        return [
            Contribution(
                name, self.bank(str(number)), prepared, self.tau, self.options.k, share=1 / len(names)
            )
            for number, name in enumerate(names)
        ]
