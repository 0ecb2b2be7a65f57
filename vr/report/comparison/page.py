"""Several runs on one page: metrics side by side, what differs between them, recalls, curves together."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from vr.evaluation.metrics import METRICS
from vr.report import captions, charts, page, provenance, training_curves
from vr.report.comparison.results import Result
from vr.report.comparison.statistics import Difference, paired
from vr.runs import run as runs
from vr.runs.history import Row, read_history

_CURVES = {  # column: what it is, and whether it is a share
    "loss": ("Loss", False),
    "train_accuracy": ("Accuracy on the training images", True),
    "gate_pos": ("Weight of the positive expert (gate)", True),
}


@dataclass(frozen=True)
class Member:
    """One of the runs compared: `key` is its letter, `name` tells it from the others."""

    key: str
    name: str
    result: Result
    settings: provenance.Rows
    history: list[Row]
    against_first: Difference | None


def write_comparison(results: Sequence[Result], out: Path | None = None) -> Path:
    """Write the page that compares finished runs, the first being the one to which the others are held.

    Args:
        out: the file; by default `report.html` in the nearest folder that holds all the runs.

    Raises:
        UserError: a file that is no comparison of ours is there, that folder is a run, or a run's files are
            damaged.
    """
    place = out or _default_place([result.path for result in results])
    page.write(place, make_page(results), "comparison")
    return place


def make_page(results: Sequence[Result]) -> str:
    """The page that compares runs, as HTML that needs nothing else."""
    members = _members(results)
    first = members[0].result
    datasets = {result.config.card.title: None for result in results}
    same_classes = len({result.config.card.class_names for result in results}) == 1
    histories = {member.key: member.history for member in members}
    return page.render(
        "comparison.html.j2",
        "comparison",
        title=", ".join(datasets),
        modality=first.config.card.modality,
        members=members,
        metrics=METRICS,
        best={key: _best(results, key) for key in METRICS},
        sentence=_sentence(members),
        chart=_intervals(members),
        differing=_differing(members),
        classes=first.config.card.class_names if same_classes else (),
        curves=[
            training_curves.together(histories, column, what, shares=shares)
            for column, (what, shares) in _CURVES.items()
            if any(history and column in history[0] for history in histories.values())
        ],
        captions=[
            what
            for column, (what, _) in _CURVES.items()
            if any(history and column in history[0] for history in histories.values())
        ],
    )


def _members(results: Sequence[Result]) -> list[Member]:
    names = _names(results)
    first = results[0].predictions()
    members = []
    for number, (result, name) in enumerate(zip(results, names, strict=True)):
        difference = None
        if number:
            with suppress(UserError):  # not the same images: then there is nothing to pair
                difference = paired([result.predictions()], [first])
        members.append(
            Member(
                key=_letter(number),
                name=name,
                result=result,
                settings=provenance.settings(result.config),
                history=read_history(result.path),
                against_first=difference,
            )
        )
    return members


def _names(results: Sequence[Result]) -> list[str]:
    """Names as short as they can be and still differ: the method, then what else is not the same."""
    parts = [
        [result.label for result in results],
        [f"{result.config.shots} shots" for result in results],
        [f"seed {result.config.seed}" for result in results],
        [result.backbone for result in results],
        [result.config.card.name for result in results],
    ]
    told = [parts[0], *(part for part in parts[1:] if len(set(part)) > 1)]
    names = [", ".join(each) for each in zip(*told, strict=True)]
    count = Counter(names)
    return [
        name if count[name] == 1 else f"{name} ({result.path.name})"
        for name, result in zip(names, results, strict=True)
    ]


def _letter(number: int) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return letters[number] if number < len(letters) else f"{number + 1}"


def _best(results: Sequence[Result], metric: str) -> float | None:
    values = [value for result in results if (value := result.value(metric)) is not None]
    return METRICS[metric].best(values)


def _sentence(members: Sequence[Member]) -> str:
    best = max(members, key=lambda member: member.result.metrics["overall"]["accuracy"])
    accuracy = best.result.metrics["overall"]["accuracy"]
    text = f"{best.key}, {best.name}, is right most often: {captions.percent(accuracy)} of its test images."
    clear = [
        member.key
        for member in members
        if (found := member.against_first) is not None and not found.low <= 0 <= found.high
    ]
    if any(member.against_first for member in members):
        first = members[0].key
        text += (
            f" {' and '.join(clear)} {'differs' if len(clear) == 1 else 'differ'} from {first} beyond chance."
            if clear
            else f" None differs from {first} by more than chance would explain."
        )
    return text


def _intervals(members: Sequence[Member]) -> Any:
    rows = []
    for member in members:
        metrics = member.result.metrics
        rows.append((member.key, metrics["overall"]["accuracy"], *metrics["intervals"]["accuracy"]))
    told = "; ".join(
        f"{key} {captions.percent(value)} ({captions.percent(low)} to {captions.percent(high)})"
        for key, value, low, high in rows
    )
    return charts.dots(rows, xlabel="accuracy, 95% interval", alt=f"Accuracy with its 95% interval: {told}.")


def _differing(members: Sequence[Member]) -> list[str]:
    names = dict.fromkeys(name for member in members for name in member.settings)
    return [name for name in names if len({member.settings.get(name) for member in members}) > 1]


def _default_place(paths: Sequence[Path]) -> Path:
    folder = Path(os.path.commonpath([path.resolve() for path in paths]))
    if (folder / runs.CONFIG).is_file():
        raise UserError(
            "the folder that holds all the runs is a run itself",
            file=folder,
            remedy="Say where the comparison goes with --out FILE.",
        )
    return folder / runs.REPORT
