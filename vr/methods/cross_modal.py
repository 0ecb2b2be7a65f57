"""Cross-modal probe (Lin et al., CVPR 2023): texts as further training samples of a linear head.

Logistic regression as in `vr.methods.linear_probe`, fitted to the image features and to the embeddings of
texts labelled with their class: the attributes of the set, or the class names in a sentence. Texts count like
images, one by one; or, as in the paper, whose batches are half images and half texts, both modalities count
alike, however many samples each has (`balance=modalities`).

The paper trains the head by AdamW with early stopping on validation images, from the class names on, and
tries 12 settings. Here the regularised optimum of the same loss is computed, with C chosen on validation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attrgen.schema.attribute_set import POSITIVE_KINDS, AttributeSet
from attrgen.schema.matching import require
from vr.clip.bank import Bank
from vr.methods.common.attributes import attribute_bank
from vr.methods.common.base import Context
from vr.methods.common.labels import label_bank
from vr.methods.common.logistic import Samples
from vr.methods.declared.cross_modal import CrossModalDeclaration, CrossModalOptions
from vr.methods.linear_probe import LinearProbe


class CrossModal(CrossModalDeclaration, LinearProbe):
    """Logistic regression on image features and text embeddings."""

    options: CrossModalOptions

    def __init__(self, context: Context, options: CrossModalOptions | None = None) -> None:
        super().__init__(context, options or CrossModalOptions())
        if self.options.text == "name":
            self.banks["labels"] = label_bank(context, self.options.template)
        elif context.attributes is not None:
            self.banks["attributes"] = self._attribute_bank(context.attributes)

    def samples(self, prepared: Tensor, labels: Tensor) -> Samples:
        """Image features, and the embeddings of all texts with their classes."""
        bank = self.bank("labels" if self.options.text == "name" else "attributes")
        texts, classes = bank.embeddings[bank.present], bank.present.nonzero()[:, 0]
        weights = torch.ones(len(labels) + len(classes))
        if self.options.balance == "modalities":
            weights[len(labels) :] = len(labels) / len(classes)
        return Samples.of(torch.cat([prepared, texts]), torch.cat([labels, classes]), weights)

    def bank_tensors(self) -> dict[str, Tensor]:
        """None: once the head is fitted, texts are no longer read."""
        return {}

    def _attribute_bank(self, attributes: AttributeSet) -> Bank:
        require(attributes, POSITIVE_KINDS, file=self.context.attributes_file)
        classes = [attributes.classes[name] for name in self.context.card.class_names]
        texts = [[text for kind in POSITIVE_KINDS for text in entry.texts(kind)] for entry in classes]
        return attribute_bank(self.context, texts, self.options.anchor)
