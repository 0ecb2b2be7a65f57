"""Zero-shot CLIP (Radford et al., 2021): nothing is learned; classes are known by a sentence or by attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from attrgen.attribute_set import POSITIVE_KINDS, require
from attrgen.errors import UserError
from vr import bank as banks
from vr.bank import Bank
from vr.methods.base import Context, Method, Options, Recipe, Scores
from vr.score import score
from vr.text import embed


class ZeroShotOptions(Options):
    """By class name in a template, or by the attribute set's positive banks."""

    text: Literal["name", "attributes"] = "name"
    template: str = Field("This is a photo of {}.", pattern=r"\{\}")
    k: int = Field(3, ge=1, description="how many nearest attributes of a class count")


class ZeroShot(Method):
    """Scores whole images as they are."""

    name = "zero-shot"
    recipe = Recipe(epochs=0)
    paper_recipe = Recipe(epochs=0)
    options_type = ZeroShotOptions
    paper_options: ClassVar[ZeroShotOptions] = ZeroShotOptions()

    def __init__(self, context: Context, options: ZeroShotOptions | None = None) -> None:
        super().__init__(context)
        self.options = options or ZeroShotOptions()
        self.image_size = context.backbone.image_size
        self.banks: list[Bank] = []
        by_attributes = self.options.text == "attributes"
        if by_attributes and context.attributes is None:
            raise UserError("zero-shot by attributes needs an attribute set", remedy="Pass --attrs FILE.")
        names = context.card.class_names
        if by_attributes and context.attributes is not None:
            require(context.attributes, POSITIVE_KINDS, file=context.attributes_file)
            classes = context.attributes.classes
            texts = [[classes[name].texts(kind) for name in names] for kind in POSITIVE_KINDS]
        else:
            texts = [[[self.options.template.format(name)] for name in names]]
        for of_kind in texts:
            self.banks.append(banks.from_classes([embed(context.backbone, lines) for lines in of_kind]))

    def prepare(self, images: Tensor) -> Tensor:
        """Image features (B, D)."""
        return self.context.backbone.encode_image(images)

    def scores(self, prepared: Tensor) -> Scores:
        """Mean over the banks of the class scores."""
        each = [score(prepared, bank, tau=self.tau, k=self.options.k) for bank in self.banks]
        return Scores(sum(each[1:], start=each[0]) / len(each))

    def state(self) -> dict[str, Tensor]:
        """The banks."""
        return {key: t for i, bank in enumerate(self.banks) for key, t in bank.tensors(f"bank.{i}").items()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        count = sum(key.endswith(".present") for key in tensors)
        device = self.context.backbone.device
        self.banks = [Bank.from_tensors(f"bank.{i}", dict(tensors)).to(device) for i in range(count)]
