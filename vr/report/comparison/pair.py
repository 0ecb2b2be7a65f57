"""`vr compare A B`: two runs on the same images, or two cells seed by seed, and where they disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from attrgen.core.errors import UserError
from vr.evaluation.metrics import HEADLINE
from vr.evaluation.significance import holm
from vr.evaluation.statistics import Difference, paired
from vr.report.comparison.metric_pairs import MetricPair, metric_pairs
from vr.report.comparison.naming import short_names
from vr.report.comparison.results import Result, by_seed, find_cell
from vr.runs.predictions import Predictions


@dataclass(frozen=True)
class Side:
    """One of the two: its runs, what tells it from the other, and its predictions by seed."""

    name: str
    results: tuple[Result, ...]
    predictions: Mapping[int, Predictions]


@dataclass(frozen=True)
class ClassPair:
    """The images of one class, or of all; numbers are means over seeds.

    Attributes:
        images: of the class.
        both, only_first, only_second, neither: how many images of it which of the two recognises.
        difference: sensitivity of the second minus that of the first.
        p: of the difference, adjusted for the number of classes (Holm).
    """

    name: str
    images: int
    both: float
    only_first: float
    only_second: float
    neither: float
    difference: Difference
    p: float


@dataclass(frozen=True)
class Pair:
    """Two runs, or cells, compared on the same images; differences are second minus first.

    Attributes:
        common: what both have in common, in words.
        seeds: those that are compared; of two single runs, the first one's.
        classes: in label order, those with images.
        other_answers: share of images on which their answers differ, mean over seeds.
    """

    first: Side
    second: Side
    common: str
    seeds: tuple[int, ...]
    difference: Difference
    metrics: tuple[MetricPair, ...]
    classes: tuple[ClassPair, ...]
    other_answers: float


def compare(first: Path, second: Path) -> Pair:
    """Compare two run directories, or two folders with the seeds of one cell each.

    Raises:
        UserError: no finished run, a folder with runs of several settings, no common seed, other classes or
            other test images.
    """
    members = [find_cell(first), find_cell(second)]
    if {result.path.resolve() for result in members[0]} & {result.path.resolve() for result in members[1]}:
        raise UserError("both are the same run", code="compare-same-run", file=first, remedy="Name another.")
    common, names = short_names([cell[0] for cell in members])
    if max(map(len, members)) > 1:
        common = ", ".join(part for part in common.split(", ") if not part.startswith("seed "))
    sides = [Side(name, tuple(cell), by_seed(cell)) for name, cell in zip(names, members, strict=True)]
    return pair_of(sides[0], sides[1], common)


def pair_of(first: Side, second: Side, common: str = "") -> Pair:
    """As `compare`, of two sides."""
    seeds, ours, theirs = _common(first, second)
    if ours[0].classes != theirs[0].classes:
        raise UserError(
            "the runs have other classes",
            code="compare-other-classes",
            remedy="Compare runs on the same collection and classes only.",
        )
    difference = paired(theirs, ours)
    paths = ours[0].paths
    pairs = [
        (_in_order(one, paths), _in_order(other, paths)) for one, other in zip(ours, theirs, strict=True)
    ]
    differ = [(one.predicted != other.predicted).double().mean() for one, other in pairs]
    return Pair(
        first=first,
        second=second,
        common=common,
        seeds=tuple(seeds),
        difference=difference,
        metrics=tuple(_agreeing(entry, difference) for entry in metric_pairs(pairs)),
        classes=tuple(_class_pairs(pairs)),
        other_answers=float(np.mean(differ)),
    )


def _agreeing(entry: MetricPair, difference: Difference) -> MetricPair:
    """The same interval of the accuracy wherever it is shown."""
    if entry.key != HEADLINE:
        return entry
    return replace(entry, low=difference.low, high=difference.high)


def _common(first: Side, second: Side) -> tuple[list[int], list[Predictions], list[Predictions]]:
    """The seeds that both have, and the predictions of each; two single runs are compared as they are."""
    seeds = [seed for seed in first.predictions if seed in second.predictions]
    if not seeds and len(first.predictions) == len(second.predictions) == 1:
        return list(first.predictions), list(first.predictions.values()), list(second.predictions.values())
    if not seeds:
        raise UserError(
            "the two have no seed in common",
            code="compare-no-common-seed",
            remedy="Train the seeds that are missing, or name a single run of each.",
        )
    return seeds, [first.predictions[seed] for seed in seeds], [second.predictions[seed] for seed in seeds]


def _in_order(predictions: Predictions, paths: Sequence[str]) -> Predictions:
    """Predictions of the same images in the order of `paths`."""
    if predictions.paths == tuple(paths):
        return predictions
    positions = {path: row for row, path in enumerate(predictions.paths)}
    return subset(predictions, [positions[path] for path in paths])


def subset(predictions: Predictions, rows: Sequence[int]) -> Predictions:
    """Those rows of predictions, in that order."""
    index = list(rows)
    groups = predictions.groups
    return replace(
        predictions,
        paths=tuple(predictions.paths[row] for row in index),
        labels=predictions.labels[index],
        logits=predictions.logits[index],
        groups=None if groups is None else tuple(groups[row] for row in index),
    )


def _class_pairs(pairs: Sequence[tuple[Predictions, Predictions]]) -> list[ClassPair]:
    first, _ = pairs[0]
    rows = {
        name: [row for row, label in enumerate(first.labels.tolist()) if label == number]
        for number, name in enumerate(first.classes)
    }
    rows = {name: members for name, members in rows.items() if members}
    made = [_class_pair(name, members, pairs) for name, members in rows.items()]
    adjusted = holm([entry.difference.p for entry in made])
    return [replace(entry, p=p) for entry, p in zip(made, adjusted, strict=True)]


def _class_pair(
    name: str, rows: Sequence[int], pairs: Sequence[tuple[Predictions, Predictions]]
) -> ClassPair:
    parts = [(subset(one, rows), subset(other, rows)) for one, other in pairs]
    difference = paired([other for _, other in parts], [one for one, _ in parts])
    right = np.array(
        [[(side.predicted == side.labels).numpy() for side in part] for part in parts]
    )  # (seeds, 2, images)
    first, second = right[:, 0], right[:, 1]
    return ClassPair(
        name=name,
        images=len(rows),
        both=float((first & second).sum(1).mean()),
        only_first=float((first & ~second).sum(1).mean()),
        only_second=float((~first & second).sum(1).mean()),
        neither=float((~first & ~second).sum(1).mean()),
        difference=difference,
        p=difference.p,
    )
