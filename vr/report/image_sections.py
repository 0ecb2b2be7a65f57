"""The sections of a report that show images: programs, few-shot sample, mistakes, and their texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from attrgen.core.errors import UserError
from vr.data.decoding.resize import to_square
from vr.data.sampling import fewshot
from vr.explanation.summary import VISUAL
from vr.methods.common.base import Method
from vr.report import captions, many_classes, misclassified
from vr.report.calibration_section import usable
from vr.report.misclassified import ConfusedPair
from vr.report.misleading_texts import IMAGES, BankOnPair, misleading_texts
from vr.report.report_data import ReportData
from vr.report.thumbnails import program_picture, shown_through, thumbnails
from vr.runs import run as runs

_SAMPLE_IMAGES = 160  # over all classes, to keep the page small
_MISTAKES = 12
_PAIRS = 4
_SMALL, _LARGE = 96, 168


@dataclass(frozen=True)
class ShownProgram:
    """A program as data URIs, alone and around an image; `signed`: it also darkens pixels."""

    name: str
    note: str
    alone: str
    around: str | None
    signed: bool


def programs(data: ReportData) -> list[ShownProgram]:
    """The programs of the method, alone and around the first training image if that can be read."""
    if data.run is None:
        return []
    method = data.run.method
    by_expert = method.programs()
    image = _first_image(data, method) if by_expert else None
    shown = []
    for expert, program in by_expert.items():
        name = captions.program_name(expert, len(by_expert))
        note = captions.program(program.added[:, program.mask > 0])
        around = None if image is None else shown_through(program, image)
        signed = bool((program.added < 0).any())
        shown.append(ShownProgram(name, note, program_picture(program), around, signed))
    return shown


def sample(data: ReportData) -> dict[str, Any]:
    """The training images by class, at most `_SAMPLE_IMAGES`; of many classes those that the page lists."""
    listed = fewshot.listed_paths(data.path / runs.FEWSHOT)
    train, val = listed["train"], sum(map(len, listed["val"].values()))
    labels, names = many_classes.worst_classes(data.metrics), list(train)
    shown = {names[label]: train[names[label]] for label in labels}
    limit = max(4, _SAMPLE_IMAGES // len(shown))
    chosen = {name: paths[:limit] for name, paths in shown.items()}
    made = thumbnails(data.source, [path for paths in chosen.values() for path in paths], _SMALL)
    groups = [
        {
            "name": name,
            "note": captions.shown(len(paths), len(pictures := _pictures(chosen[name], made))),
            "pictures": pictures,
        }
        for name, paths in shown.items()
    ]
    sentence = captions.sample(sum(map(len, train.values())), val)
    note = captions.classes_sampled(len(shown), len(train))
    return {"sentence": f"{sentence} {note}".strip(), "groups": groups}


def mistakes(data: ReportData) -> dict[str, Any]:
    """The most confident errors."""
    calibration, names = usable(data), data.predictions.classes
    listed = misclassified.mistakes(data.predictions, 1.0 if calibration is None else calibration.temperature)
    shown = listed[:_MISTAKES]
    made = thumbnails(data.source, [mistake.path for mistake in shown], _LARGE)
    return {
        "total": len(listed),
        "calibrated": calibration is not None,
        "cards": [
            {
                "path": mistake.path,
                "picture": made.get(mistake.path),
                "true": names[mistake.label],
                "predicted": names[mistake.predicted],
                "confidence": mistake.confidence,
                "confidence_in_truth": mistake.confidence_in_truth,
            }
            for mistake in shown
        ],
    }


def pairs(data: ReportData) -> tuple[list[dict[str, Any]], str]:
    """The pairs of classes confused most, with the nearest texts; and why there are no texts, if so."""
    confused, names = misclassified.confused_pairs(data.predictions, _PAIRS), data.predictions.classes
    paths = [mistake.path for pair in confused for mistake in pair.mistakes[:IMAGES]]
    made = thumbnails(data.source, paths, _SMALL)
    by_pair, reason = _texts(data, confused)
    cards = []
    for pair, banks in zip(confused, by_pair, strict=True):
        true, predicted = names[pair.label], names[pair.predicted]
        # The confusion attributes first: they are written for confused pairs. A visual expert has no texts.
        texts = [bank for bank in banks if bank.expert != VISUAL]
        ordered = sorted(texts, key=lambda bank: bank.expert != "negative")
        cards.append(
            {
                "true": true,
                "predicted": predicted,
                "count": len(pair.mistakes),
                "total": pair.total,
                "images": min(IMAGES, len(pair.mistakes)),
                "pictures": _pictures([mistake.path for mistake in pair.mistakes[:IMAGES]], made),
                "sentence": captions.favoured(banks, predicted, true),
                "banks": ordered,
            }
        )
    return cards, reason


def _texts(data: ReportData, confused: Sequence[ConfusedPair]) -> tuple[list[list[BankOnPair]], str]:
    nothing: list[list[BankOnPair]] = [[] for _ in confused]
    if data.run is None or data.source is None or not confused:
        return nothing, ""
    try:
        return misleading_texts(data.run, data.source, confused), ""
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
