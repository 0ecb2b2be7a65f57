"""Audit an attribute set on the few-shot training images of a collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attrgen.core.day import today
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, Entry
from attrgen.schema.card import Card
from vr.clip import backbone as backbones
from vr.clip.backbone import Backbone
from vr.clip.text_embeddings import embed
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.stream import stream
from vr.data.sampling import fewshot
from vr.data.sampling.fewshot import FewShot
from vr.explanation.audit.assessment import Assessment, assess
from vr.explanation.audit.controls import measure_controls
from vr.explanation.audit.near_duplicates import NearDuplicate, near_duplicates
from vr.explanation.audit.prune import removable, surplus, without
from vr.explanation.audit.subject import Subject
from vr.explanation.controls.measurement import Measured
from vr.explanation.controls.table import as_json as controls_as_json
from vr.runtime.device import resolve_device, resolve_precision


@dataclass(frozen=True)
class Audit:
    """The assessments, and the images and the backbone that they come from.

    Attributes:
        file: of the attribute set.
        attributes: the set with the card's class names.
        assessments: the worst first.
        near_duplicates: the nearest first.
        controls: the set beside control texts; None where a class has no positive texts.
    """

    file: Path
    card: Card
    attributes: AttributeSet
    sample: FewShot
    backbone: Backbone
    assessments: tuple[Assessment, ...]
    near_duplicates: tuple[NearDuplicate, ...]
    controls: Measured | None

    @property
    def not_assessed(self) -> int:
        """How many texts describe something that no training image shows."""
        return sum(1 for _ in self.attributes.entries()) - len(self.assessments)

    def worst(self, count: int) -> tuple[Assessment, ...]:
        """The first `count` of those that should be improved."""
        return tuple(text for text in self.assessments if text.suggestion)[:count]


def run_audit(subject: Subject, *, near_duplicates_from: float) -> Audit:
    """Assess every attribute on the few-shot training images; test images are never opened.

    Args:
        subject: the set, and the images, shots, seed and backbone that were asked for.
        near_duplicates_from: cosine from which two texts are near-duplicates.

    Raises:
        UserError: an image cannot be read, or the backbone cannot be loaded.
    """
    resolved, attributes = subject.resolved, subject.attributes
    asked, card = resolved.asked, resolved.card
    if asked.fewshot is None:
        sample = fewshot.draw(resolved.source, card, asked.shots, asked.seed)
    else:
        sample = fewshot.load(asked.fewshot, resolved.source, card)
    device = resolve_device(asked.device)
    precision = resolve_precision(asked.precision, device)
    backbone = backbones.load(asked.backbone, asked.weights, device=device, precision=precision)
    entries = list(attributes.entries())
    texts = embed(backbone, [entry.text for entry in entries]).cpu().numpy()
    seen = features(backbone, resolved.source, sample.train)
    images = seen.cpu().numpy()
    labels = torch.tensor([item.label for item in sample.train]).numpy()
    return Audit(
        file=subject.file,
        card=card,
        attributes=attributes,
        sample=sample,
        backbone=backbone,
        assessments=tuple(assess(entries, texts, images, labels, card.class_names)),
        near_duplicates=tuple(near_duplicates(entries, texts, near_duplicates_from)),
        controls=measure_controls(backbone, attributes, card, sample.train, seen),
    )


def as_json(audit: Audit) -> dict[str, Any]:
    """All assessments, as `vr audit --json` prints them."""
    return {
        "format": "audit/2",
        "dataset": audit.card.name,
        "attributes": audit.attributes.id,
        "backbone": audit.backbone.id,
        "shots": audit.sample.shots,
        "seed": audit.sample.seed,
        "not_assessed": audit.not_assessed,
        "assessments": [
            {
                **text.entry._asdict(),
                **{key: value for key, value in asdict(text).items() if key != "entry"},
                "suggestion": text.suggestion,
            }
            for text in audit.assessments
        ],
        "near_duplicates": [
            {
                "first": pair.first._asdict(),
                "second": pair.second._asdict(),
                "cosine": pair.cosine,
                "suggestion": pair.suggestion,
            }
            for pair in audit.near_duplicates
        ],
        "controls": None if audit.controls is None else controls_as_json(audit.controls),
    }


def prune(audit: Audit, path: Path, *, top: int, keep: int, best: int | None = None) -> list[Entry]:
    """Write a copy of the audited set without its worst `top` texts; the audited file stays as it is.

    Args:
        path: of the copy; no file may be there.
        keep: how many texts of each kind a class keeps at least.
        best: instead, the copy has only so many texts of each list: those that tell their class apart best.

    Returns:
        The removed texts.

    Raises:
        UserError: `path` cannot be written.
    """
    if best is None:
        removed = removable(audit.attributes, [text.entry for text in audit.worst(top)], keep=keep)
    else:
        removed = surplus([text.entry for text in audit.assessments], best=best)
    note = {
        "date": today(),
        "by": "vr audit",
        "dataset": audit.card.name,
        "shots": audit.sample.shots,
        "seed": audit.sample.seed,
        "backbone": audit.backbone.id,
    }
    attribute_set.save(without(attribute_set.load(audit.file), removed, audit.card, note), path)
    return removed


@torch.inference_mode()
def features(backbone: Backbone, source: ImageSource, items: Sequence[Item]) -> Tensor:
    """Unit features (N, D) of images, in their order, on the backbone's device."""
    batches = stream(source, items, backbone.image_size, backbone.preprocessing)
    return torch.cat(
        [backbone.encode_image(batch.images.to(backbone.device).float() / 255) for batch in batches]
    )
