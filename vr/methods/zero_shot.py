"""Zero-shot CLIP (Radford et al., 2021): nothing is learned; classes are sentences or attributes."""

from __future__ import annotations

from torch import Tensor

from attrgen.schema.attribute_set import POSITIVE_KINDS
from attrgen.schema.matching import require
from vr.methods.common.attributes import attribute_bank
from vr.methods.common.base import Context
from vr.methods.common.contributions import Contribution
from vr.methods.common.features import FeatureMethod
from vr.methods.common.labels import label_bank
from vr.methods.declared.zero_shot import ZeroShotDeclaration, ZeroShotOptions


class ZeroShot(ZeroShotDeclaration, FeatureMethod):
    """Scores whole images as they are."""

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
