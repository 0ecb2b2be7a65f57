"""Classes known by their name in a sentence: what VP, AR, Tip-Adapter and zero-shot score against."""

from __future__ import annotations

from torch import Tensor

from vr.clip.bank import Bank
from vr.clip.text_embeddings import embed_bank
from vr.methods.common.base import Context


def class_texts(bank: Bank) -> Tensor:
    """The text features (C, D) of a bank of one text per class."""
    return bank.embeddings[:, 0]


def label_bank(context: Context, template: str) -> Bank:
    """A bank of one text per class: `template` with the class name for `{}`.

    Raises:
        UserError: a text is longer than the model's context.
    """
    return embed_bank(context.backbone, [[template.replace("{}", name)] for name in context.card.class_names])
