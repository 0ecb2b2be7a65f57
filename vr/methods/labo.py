"""LaBo (Yang et al., CVPR 2023), a concept bottleneck: every score is a weighted sum of sentences.

`s[c] = sum_j softmax(W[c])_j * tau * <z, t_j>` over the texts t_j of all classes. `W` (C, K) starts at 0.1
where text j belongs to class c and at 0 elsewhere, and is learned by Adam; so the weights of a class are
positive, sum to 1, and say how much each sentence counts.

The public code selects 50 texts per class from thousands by a submodular search; here all positive attributes
of the set are read. It keeps the epoch that is best on validation images: add `--select val` to the `paper`
preset. Features have length 1 here; there they are taken as the model outputs them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from attrgen.schema.attribute_set import POSITIVE_KINDS
from attrgen.schema.matching import require
from vr.clip.bank import Bank
from vr.methods.common.attributes import attribute_bank
from vr.methods.common.base import Context, needs_attributes
from vr.methods.common.contributions import Contribution
from vr.methods.common.features import FeatureMethod
from vr.methods.common.stored import stored
from vr.methods.declared.labo import LaBoDeclaration, LaBoOptions


class LaBo(LaBoDeclaration, FeatureMethod):
    """Learned weights of all positive attributes in the score of every class."""

    def __init__(self, context: Context, options: LaBoOptions | None = None) -> None:
        super().__init__(context)
        self.options = options or LaBoOptions()
        classes, device = len(context.card.classes), context.backbone.device
        self.weight = nn.Parameter(torch.zeros(classes, 0, device=device))
        if context.attributes is not None:
            require(context.attributes, POSITIVE_KINDS, file=context.attributes_file)
            owners = [self._add_bank(kind) for kind in POSITIVE_KINDS]
            belongs = torch.arange(classes)[:, None] == torch.cat(owners)[None]
            self.weight.data = (self.options.start * belongs).to(device)

    def contributions(self, prepared: Tensor) -> list[Contribution]:
        """The descriptive and the distinctive texts of all classes, each by its weight.

        Raises:
            UserError: there was no attribute set.
        """
        if not self.banks:
            raise needs_attributes(self.name)
        banks = [self.bank(kind) for kind in POSITIVE_KINDS]
        weights = self.weight.softmax(-1).split([bank.present.shape[1] for bank in banks], dim=1)
        return [
            Contribution(kind, bank, prepared, self.tau, weights=columns)
            for kind, bank, columns in zip(POSITIVE_KINDS, banks, weights, strict=True)
        ]

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        self.weight.data = torch.empty_like(stored(tensors, "weight"), device=self.weight.device)
        super().load_state(tensors)

    def _add_bank(self, kind: str) -> Tensor:
        """Store one bank of the texts of all classes; the class that each belongs to, (K,)."""
        assert self.context.attributes is not None
        entries = self.context.attributes.classes
        texts = [entries[name].texts(kind) for name in self.context.card.class_names]
        bank = attribute_bank(self.context, texts, self.options.anchor)
        flat = tuple(line for lines in texts for line in lines)
        present = torch.ones(1, len(flat), dtype=torch.bool, device=bank.present.device)
        self.banks[kind] = Bank(bank.embeddings[bank.present][None], present, (flat,))
        return torch.tensor([label for label, lines in enumerate(texts) for _ in lines])
