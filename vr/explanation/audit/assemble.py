"""An attribute set and a collection in, an audit out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attrgen.core.day import today
from attrgen.core.errors import UserError
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, Entry
from attrgen.schema.card import Card
from vr.clip import backbone as backbones
from vr.clip.backbone import Backbone
from vr.clip.text import embed
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.stream import stream
from vr.data.sampling import fewshot
from vr.data.sampling.fewshot import FewShot
from vr.explanation.audit.judge import Judgement, Twins, judge, twins
from vr.explanation.audit.prune import dropped, without
from vr.runs.experiment import Experiment, Say, resolve
from vr.runtime.device import resolve_device, resolve_precision


@dataclass(frozen=True)
class Audit:
    """What was found, on which images and with which backbone.

    Attributes:
        file: the attribute set's.
        attributes: the set with the card's class names.
        judged: the worst first.
        twins: the nearest first.
    """

    file: Path
    card: Card
    attributes: AttributeSet
    sample: FewShot
    backbone: Backbone
    judged: tuple[Judgement, ...]
    twins: tuple[Twins, ...]

    @property
    def unjudged(self) -> int:
        """How many texts describe something that no training image shows."""
        return sum(1 for _ in self.attributes.entries()) - len(self.judged)

    def worst(self, count: int) -> tuple[Judgement, ...]:
        """The first `count` of those that something is to be done about."""
        return tuple(each for each in self.judged if each.suggestion)[:count]


def audit(asked: Experiment, *, twins_from: float, say: Say = lambda line: None) -> Audit:
    """Hold every attribute against the few-shot training images; test images are never opened.

    Args:
        asked: dataset, set, images, shots, seed and backbone; what concerns training counts for nothing.
        twins_from: cosine from which two texts are twins.

    Raises:
        UserError: as for `resolve`; no attribute set; an image cannot be read.
    """
    resolved = resolve(asked.model_copy(update={"method": "zero-shot"}), say)
    if resolved.attributes is None or resolved.attributes_file is None:
        raise UserError("there is no attribute set to audit", remedy="Name one with --attrs FILE.")
    if asked.fewshot is None:
        sample = fewshot.draw(resolved.source, resolved.card, asked.shots, asked.seed)
    else:
        sample = fewshot.load(asked.fewshot, resolved.source, resolved.card)
    device = resolve_device(asked.device)
    precision = resolve_precision(asked.precision, device)
    backbone = backbones.load(asked.backbone, asked.weights, device=device, precision=precision)
    entries = list(resolved.attributes.entries())
    texts = embed(backbone, [entry.text for entry in entries]).cpu().numpy()
    images = features(backbone, resolved.source, sample.train).cpu().numpy()
    labels = torch.tensor([item.label for item in sample.train]).numpy()
    return Audit(
        file=resolved.attributes_file,
        card=resolved.card,
        attributes=resolved.attributes,
        sample=sample,
        backbone=backbone,
        judged=tuple(judge(entries, texts, images, labels, resolved.card.class_names)),
        twins=tuple(twins(entries, texts, twins_from)),
    )


def as_json(found: Audit) -> dict[str, Any]:
    """Every judgement, as `vr audit --json` prints it."""
    return {
        "format": "audit/1",
        "dataset": found.card.name,
        "attributes": found.attributes.id,
        "backbone": found.backbone.id,
        "shots": found.sample.shots,
        "seed": found.sample.seed,
        "unjudged": found.unjudged,
        "judged": [
            {
                **each.entry._asdict(),
                **{key: value for key, value in asdict(each).items() if key != "entry"},
                "suggestion": each.suggestion,
            }
            for each in found.judged
        ],
        "twins": [
            {
                "first": pair.first._asdict(),
                "second": pair.second._asdict(),
                "cosine": pair.cosine,
                "suggestion": pair.suggestion,
            }
            for pair in found.twins
        ],
    }


def prune(found: Audit, path: Path, *, top: int, keep: int) -> list[Entry]:
    """Write the audited file's set anew without the worst `top`; the file itself stays.

    Args:
        path: of the new set; nothing may be there.
        keep: how many texts of each kind a class keeps at least.

    Returns:
        The texts that went.

    Raises:
        UserError: `path` cannot be written.
    """
    gone = dropped(found.attributes, [each.entry for each in found.worst(top)], keep=keep)
    note = {
        "date": today(),
        "by": "vr audit",
        "dataset": found.card.name,
        "shots": found.sample.shots,
        "seed": found.sample.seed,
        "backbone": found.backbone.id,
    }
    attribute_set.save(without(attribute_set.load(found.file), gone, found.card, note), path)
    return gone


@torch.inference_mode()
def features(backbone: Backbone, source: ImageSource, items: Sequence[Item]) -> Tensor:
    """Unit features (N, D) of images, in their order, on the backbone's device."""
    batches = stream(source, items, backbone.image_size)
    return torch.cat([backbone.encode_image(b.images.to(backbone.device).float() / 255) for b in batches])
