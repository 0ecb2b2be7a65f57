"""Several runs on one page: metrics side by side, what differs between them, recalls, curves together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from vr.evaluation.metrics import METRICS
from vr.evaluation.significance import holm
from vr.evaluation.statistics import Difference, paired
from vr.report import captions, charts, page, provenance, training_curves
from vr.report.comparison.naming import short_names
from vr.report.comparison.pair import Pair, Side, pair_of
from vr.report.comparison.results import Result
from vr.runs import run as runs
from vr.runs.history import Row, read_history

_SIGNIFICANT = 0.05
_CURVES = {  # column: what it is, and whether it is a share
    "loss": ("Loss", False),
    "train_accuracy": ("Accuracy on the training images", True),
    "gate_pos": ("Weight of the positive expert (gate)", True),
}


@dataclass(frozen=True)
class Member:
    """One of the runs compared.

    Attributes:
        key: its letter.
        name: what tells it from the others.
        difference: from the baseline; None for the baseline, and for runs on other images.
        p: of the difference, adjusted for the number of differences (Holm).
    """

    key: str
    name: str
    result: Result
    settings: provenance.Rows
    history: list[Row]
    difference: Difference | None = None
    p: float | None = None


def write_comparison(results: Sequence[Result], out: Path | None = None, *, baseline: int = 0) -> Path:
    """Write the page that compares finished runs.

    Args:
        out: the file; by default `report.html` in the nearest folder that holds all the runs.
        baseline: position of the run that the others are compared with.

    Raises:
        UserError: a file that is no comparison is there, that folder is a run, or a run's files are damaged.
    """
    path = out or _default_path([result.path for result in results])
    page.write(path, make_page(results, baseline=baseline), "comparison")
    return path


def make_page(results: Sequence[Result], *, baseline: int = 0) -> str:
    """The page that compares runs, as HTML that needs no other file."""
    common, names = short_names(results)
    members = _members(results, names, baseline)
    same_classes = len({result.config.card.class_names for result in results}) == 1
    histories = {member.key: member.history for member in members}
    curves = {
        what: training_curves.together(histories, column, what, shares=shares)
        for column, (what, shares) in _CURVES.items()
        if any(history and column in history[0] for history in histories.values())
    }
    return page.render(
        "comparison.html.j2",
        "comparison",
        title=", ".join(dict.fromkeys(result.config.card.title for result in results)),
        modality=results[0].config.card.modality,
        common=common,
        members=members,
        baseline=members[baseline],
        tests=sum(member.difference is not None for member in members),
        significant=_SIGNIFICANT,
        **_how_tested(members),
        interval_units=_interval_units(results),
        metrics=METRICS,
        best={metric: _best(results, metric) for metric in METRICS},
        sentence=_sentence(members, members[baseline]),
        chart=_intervals(members),
        differing=_differing(members),
        classes=results[0].config.card.class_names if same_classes else (),
        curves=curves,
        pair=_pair(members, members[baseline]),
    )


def _members(results: Sequence[Result], names: Sequence[str], baseline: int) -> list[Member]:
    reference = results[baseline].predictions()
    members = []
    for number, (result, name) in enumerate(zip(results, names, strict=True)):
        difference = None
        if number != baseline:
            with suppress(UserError):  # not the same images: then there is nothing to pair
                difference = paired([result.predictions()], [reference])
        members.append(
            Member(
                key=_letter(number),
                name=name,
                result=result,
                settings=provenance.settings(result.config),
                history=read_history(result.path),
                difference=difference,
            )
        )
    adjusted = iter(holm([member.difference.p for member in members if member.difference is not None]))
    return [member if member.difference is None else replace(member, p=next(adjusted)) for member in members]


def _pair(members: Sequence[Member], baseline: Member) -> Pair | None:
    """Where two runs on the same images disagree; None for more runs, or other images."""
    if len(members) != 2:
        return None
    other = next(member for member in members if member is not baseline)
    first, second = (
        Side(member.key, (member.result,), {0: member.result.predictions()}) for member in (baseline, other)
    )
    with suppress(UserError):
        return pair_of(first, second)
    return None


def _how_tested(members: Sequence[Member]) -> dict[str, str]:
    """What is drawn for the intervals, and the name of the test."""
    grouped = any(member.difference is not None and member.difference.groups for member in members)
    if grouped:
        return {"units": "groups of images", "test": "permutation test over groups"}
    return {"units": "images", "test": "McNemar's exact test"}


def _interval_units(results: Sequence[Result]) -> str:
    """What is drawn for the interval of each run by itself."""
    known = {"groups" in result.metrics for result in results}
    if known == {True, False}:
        return "images, or over groups of images where they are known"
    return "groups of images" if known == {True} else "images"


def _letter(number: int) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return letters[number] if number < len(letters) else f"{number + 1}"


def _best(results: Sequence[Result], metric: str) -> float | None:
    values = [value for result in results if (value := result.value(metric)) is not None]
    return METRICS[metric].best(values)


def _sentence(members: Sequence[Member], baseline: Member) -> str:
    best = max(members, key=lambda member: member.result.metrics["overall"]["accuracy"])
    accuracy = best.result.metrics["overall"]["accuracy"]
    name = f"{best.key}, {best.name}," if best.name else best.key
    text = f"{name} is right most often: {captions.percent(accuracy)} of its test images."
    compared = [member for member in members if member.p is not None]
    clear = [member.key for member in compared if member.p is not None and member.p < _SIGNIFICANT]
    if clear:
        verb = "differs" if len(clear) == 1 else "differ"
        text += f" {captions.listed(clear)} {verb} from {baseline.key} beyond chance."
    elif compared:
        text += f" None differs from {baseline.key} by more than chance would explain."
    return text


def _intervals(members: Sequence[Member]) -> Any:
    rows = []
    for member in members:
        metrics = member.result.metrics
        rows.append((member.key, metrics["overall"]["accuracy"], *metrics["intervals"]["accuracy"]))
    words = "; ".join(
        f"{key} {captions.percent(value)} ({captions.percent(low)} to {captions.percent(high)})"
        for key, value, low, high in rows
    )
    return charts.dots(rows, xlabel="accuracy, 95% interval", alt=f"Accuracy with its 95% interval: {words}.")


def _differing(members: Sequence[Member]) -> list[str]:
    names = dict.fromkeys(name for member in members for name in member.settings)
    return [name for name in names if len({member.settings.get(name) for member in members}) > 1]


def _default_path(paths: Sequence[Path]) -> Path:
    folder = Path(os.path.commonpath([path.resolve() for path in paths]))
    if (folder / runs.CONFIG).is_file():
        raise UserError(
            "the folder that holds all the runs is a run itself",
            code="compare-no-folder",
            file=folder,
            remedy="Say where the comparison goes with --out FILE.",
        )
    return folder / runs.REPORT
