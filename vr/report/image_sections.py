"""The sections of a run's page that show images: programs, the few-shot sample, mistakes, and their texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from attrgen.core.errors import UserError
from vr.data.decoding.resize import to_square
from vr.data.sampling import fewshot
from vr.methods.common.base import Method
from vr.report import captions
from vr.report import misclassified as wrong
from vr.report.misclassified import ConfusedPair
from vr.report.misleading_texts import IMAGES, FiredBank, fired
from vr.report.report_data import ReportData
from vr.report.thumbnails import program_picture, shown_through, thumbnails
from vr.runs import run as runs

_SAMPLE_PICTURES = 160  # over all classes; a page is not an archive
_MISTAKES = 12
_PAIRS = 4
_SMALL, _LARGE = 96, 168


@dataclass(frozen=True)
class ShownProgram:
    """A program as data URIs, alone and around an image; `signed`: it also darkens."""

    name: str
    note: str
    alone: str
    around: str | None
    signed: bool


def programs(data: ReportData) -> list[ShownProgram]:
    """Both programs, or the one, or none; around the first training image where it can be read."""
    if data.run is None:
        return []
    method = data.run.method
    found = method.programs()
    image = _first_image(data, method) if found else None
    shown = []
    for expert, program in found.items():
        name = captions.program_name(expert, len(found))
        note = captions.program(program.added[:, program.mask > 0])
        around = None if image is None else shown_through(program, image)
        signed = bool((program.added < 0).any())
        shown.append(ShownProgram(name, note, program_picture(program), around, signed))
    return shown


def sample(data: ReportData) -> dict[str, Any]:
    """The training images by class, as many as a page can hold."""
    listed = fewshot.listed_paths(data.path / runs.FEWSHOT)
    train, val = listed["train"], sum(map(len, listed["val"].values()))
    limit = max(4, _SAMPLE_PICTURES // len(train))
    chosen = {name: paths[:limit] for name, paths in train.items()}
    made = thumbnails(data.source, [path for paths in chosen.values() for path in paths], _SMALL)
    groups = [
        {
            "name": name,
            "note": captions.shown(len(paths), len(own := _pictures(chosen[name], made))),
            "pictures": own,
        }
        for name, paths in train.items()
    ]
    return {"sentence": captions.sample(sum(map(len, train.values())), val), "groups": groups}


def mistakes(data: ReportData) -> dict[str, Any]:
    """The most confident errors."""
    found, names = wrong.mistakes(data.predictions), data.predictions.classes
    chosen = found[:_MISTAKES]
    made = thumbnails(data.source, [each.path for each in chosen], _LARGE)
    return {
        "total": len(found),
        "cards": [
            {
                "path": each.path,
                "picture": made.get(each.path),
                "true": names[each.label],
                "predicted": names[each.predicted],
                "confidence": each.confidence,
                "confidence_in_truth": each.confidence_in_truth,
            }
            for each in chosen
        ],
    }


def pairs(data: ReportData) -> tuple[list[dict[str, Any]], str]:
    """The pairs of classes confused most, with the texts that fired, and why there are no texts if so."""
    found, names = wrong.confused_pairs(data.predictions, _PAIRS), data.predictions.classes
    made = thumbnails(data.source, [each.path for pair in found for each in pair.mistakes[:IMAGES]], _SMALL)
    heard, reason = _heard(data, found)
    told = []
    for pair, banks in zip(found, heard, strict=True):
        true, predicted = names[pair.label], names[pair.predicted]
        # The confusion attributes first: they are what was written for this.
        ordered = sorted(banks, key=lambda bank: bank.expert != "negative")
        told.append(
            {
                "true": true,
                "predicted": predicted,
                "count": len(pair.mistakes),
                "total": pair.total,
                "images": min(IMAGES, len(pair.mistakes)),
                "pictures": _pictures([each.path for each in pair.mistakes[:IMAGES]], made),
                "sentence": captions.leaning(banks, predicted, true),
                "banks": ordered,
            }
        )
    return told, reason


def _heard(data: ReportData, found: Sequence[ConfusedPair]) -> tuple[list[list[FiredBank]], str]:
    nothing: list[list[FiredBank]] = [[] for _ in found]
    if data.run is None or data.source is None or not found:
        return nothing, ""
    try:
        return fired(data.run, data.source, found), ""
    except UserError as error:
        return nothing, f"No texts behind the mistakes: {error.what}."


def _first_image(data: ReportData, method: Method) -> torch.Tensor | None:
    if data.source is None:
        return None
    listed = fewshot.listed_paths(data.path / runs.FEWSHOT)["train"]
    path = next(iter(listed.values()))[0]
    try:
        return (
            to_square(
                data.source.read(path), method.image_size, method.context.backbone.preprocessing
            ).float()
            / 255
        )
    except UserError:
        return None


def _pictures(paths: Sequence[str], made: dict[str, str]) -> list[dict[str, str]]:
    return [{"path": path, "picture": made[path]} for path in paths if path in made]
