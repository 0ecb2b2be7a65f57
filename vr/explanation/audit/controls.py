"""The measure of `vr controls` without training: zero-shot by attributes on the few-shot training images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from attrgen.schema.attribute_set import POSITIVE_KINDS, AttributeSet
from attrgen.schema.card import Card
from vr.clip.backbone import Backbone
from vr.clip.text_embeddings import embed_bank
from vr.data.formats.groups import group_key, has_groups
from vr.data.formats.source import Item
from vr.explanation.controls.measurement import Measured, measure
from vr.explanation.controls.texts import WRITTEN, all_controls, control_set
from vr.reprogramming.score import score
from vr.runs.predictions import Predictions

METHOD = "zero-shot by attributes"
DRAWS = (1, 2, 3)  # of the control texts; the images are the same
_NEAREST = 3  # texts of a list that count, as in the methods


@torch.inference_mode()
def measure_controls(
    backbone: Backbone, attributes: AttributeSet, card: Card, items: Sequence[Item], features: Tensor
) -> Measured | None:
    """What the positive texts of a set are worth beside control texts, before anything is trained.

    Args:
        attributes: with the card's class names.
        items: N training images.
        features: (N, D) unit features of them.

    Returns:
        None where no kind of positive texts is there for every class.
    """
    kinds = [kind for kind in POSITIVE_KINDS if all(own.texts(kind) for own in attributes.classes.values())]
    if not kinds or set(attributes.classes) != set(card.class_names):
        return None
    kept = {
        name: own.model_copy(update={k: None for k in type(own).model_fields if k not in kinds})
        for name, own in attributes.classes.items()
    }
    positive = attributes.model_copy(update={"classes": kept})
    labels = torch.tensor([item.label for item in items])
    groups = tuple(map(group_key, items)) if has_groups(items) else None
    paths = tuple(item.path for item in items)

    def predictions(texts: AttributeSet) -> Predictions:
        banks = [
            embed_bank(backbone, [texts.classes[name].texts(kind) for name in card.class_names])
            for kind in kinds
        ]
        scores = sum(score(features, bank, tau=backbone.tau, k=_NEAREST) for bank in banks) / len(banks)
        return Predictions(card.class_names, paths, labels, torch.as_tensor(scores).cpu(), groups)

    controls = all_controls(positive)
    written = predictions(positive)
    scored = {WRITTEN: dict.fromkeys(DRAWS, written)}
    for name, control in controls.items():
        made = {draw: control_set(control, positive, card, draw) for draw in DRAWS}
        if made[DRAWS[0]].id != positive.id:
            scored[name] = {draw: predictions(texts) for draw, texts in made.items()}
    return measure(METHOD, controls, scored)
