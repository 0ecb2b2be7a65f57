"""Classes known by their name in a sentence: what VP, AR, Tip-Adapter and zero-shot score against."""

from __future__ import annotations

from vr.clip.bank import Bank
from vr.clip.text import embed_bank
from vr.methods.common.base import Context

TEMPLATE = "This is a photo of {}."
HAS_PLACE = r"\{\}"  # pattern of a template: somewhere in it stands the class name's place


def label_bank(context: Context, template: str) -> Bank:
    """A bank of one text a class: `template` with the class name in the place of `{}`.

    Raises:
        UserError: a text is longer than the model's context.
    """
    return embed_bank(context.backbone, [[template.replace("{}", name)] for name in context.card.class_names])
