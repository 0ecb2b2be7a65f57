"""Scores of images as a table: `predictions.csv`, one row per image.

Its columns are path, group (only where groups are known), label, predicted, and one per class.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.csv_rows import Rows, csv_rows
from attrgen.core.errors import UserError
from attrgen.core.files import LARGEST_TABLE, read_text, whole_file
from attrgen.core.shell import command

if TYPE_CHECKING:
    from torch import Tensor

_HEAD = ("path", "label", "predicted")
_GROUPED_HEAD = ("path", "group", "label", "predicted")


@dataclass(frozen=True)
class Predictions:
    """Scores of images, one row per image, on the CPU.

    Attributes:
        classes: names in label order.
        paths: (N) ids of the images in their collection.
        labels: (N,) true classes.
        logits: (N, C) fused scores.
        groups: (N) what images belong to that are not independent, such as a patient; None where it is not
            known. The file numbers them, so that it names no patient.
    """

    classes: tuple[str, ...]
    paths: tuple[str, ...]
    labels: Tensor
    logits: Tensor
    groups: tuple[Hashable, ...] | None = None

    @property
    def predicted(self) -> Tensor:
        """(N,) classes with the largest score."""
        return self.logits.argmax(1)


def checked(scores: Tensor, classes: Sequence[str]) -> Tensor:
    """The scores (N, C) of a model, where each class has one that is a number.

    Raises:
        UserError: there are more or fewer than the run has classes, or some are not finite.
    """
    if scores.shape[-1] != len(classes):
        raise UserError(
            f"the model scores {scores.shape[-1]} classes, and the run's configuration names {len(classes)}",
            code="model-other-classes",
            remedy="Restore config.json of the run, or train it again.",
        )
    wrong = int((~scores.isfinite()).any(-1).sum())
    if wrong:
        raise UserError(
            f"the model's scores of {wrong} of {len(scores)} images are not finite numbers",
            code="model-scores-not-finite",
            remedy="Use --precision fp32. If it stays so, the model is damaged: train it again.",
        )
    return scores


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Predictions of several sets of images of the same classes, as one."""
    import torch

    groups: list[Hashable] = []
    for number, part in enumerate(parts):  # a file numbers the groups of its own images
        groups += [(number, group) for group in part.groups or ()]
    paths = tuple(path for part in parts for path in part.paths)
    return Predictions(
        parts[0].classes,
        paths,
        torch.cat([part.labels for part in parts]),
        torch.cat([part.logits for part in parts]),
        tuple(groups) if len(groups) == len(paths) else None,
    )


def save(predictions: Predictions, path: Path) -> None:
    """Write `predictions.csv`: path, group if known, label, predicted, and the fused logit of every class."""
    names, groups = predictions.classes, predictions.groups
    first = [[image] for image in predictions.paths]
    if groups is not None:
        numbers = {group: number for number, group in enumerate(dict.fromkeys(groups), start=1)}
        first = [[image, str(numbers[group])] for (image,), group in zip(first, groups, strict=True)]
    scores = zip(
        first,
        predictions.labels.tolist(),
        predictions.predicted.tolist(),
        predictions.logits,
        strict=True,
    )
    with whole_file(path) as file, file.open("w", encoding="utf-8", newline="") as text:
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow([*(_HEAD if groups is None else _GROUPED_HEAD), *names])
        for cells, label, predicted, logits in scores:  # a row at a time: many classes make a large table
            numbers_of = (f"{value:.6f}" for value in logits.tolist())
            rows.writerow([*cells, names[label], names[predicted], *numbers_of])


def load(path: Path) -> Predictions:
    """Read `predictions.csv`; older ones have no groups.

    Raises:
        UserError: not there, or not such a table.
    """
    remedy = f"Write it again: {command('vr', 'eval', path.parent)}."
    lines = _lines(read_text(path, what="predictions table", largest=LARGEST_TABLE))
    rows = csv_rows(lines, path, code="predictions-damaged-row", remedy=remedy)
    _, head = next(rows, (0, []))
    columns = _GROUPED_HEAD if head[1:2] == ["group"] else _HEAD
    classes = tuple(head[len(columns) :])
    if tuple(head[: len(columns)]) != columns or len(classes) < 2 or len(set(classes)) < len(classes):
        raise UserError(
            "not a predictions table (path, label, predicted, one column per class)",
            code="predictions-not-a-table",
            file=path,
            remedy=remedy,
        )
    return _read_rows(rows, path, columns, classes, remedy)


def _read_rows(
    rows: Rows, path: Path, columns: Sequence[str], classes: tuple[str, ...], remedy: str
) -> Predictions:
    """The rows below the head."""
    positions = {name: label for label, name in enumerate(classes)}
    paths: list[str] = []
    groups: list[Hashable] = []
    labels: list[int] = []
    logits = array("f")
    for line, row in rows:
        cells = dict(zip(columns, row, strict=False))
        try:
            label, values = positions[cells["label"]], [float(cell) for cell in row[len(columns) :]]
            if len(values) != len(classes):
                raise ValueError(f"{len(values)} scores for {len(classes)} classes")
            if not all(map(isfinite, values)):
                raise ValueError("a score is not a number")
        except (ValueError, KeyError) as error:
            raise UserError(
                f"a row cannot be read: {error}",
                code="predictions-damaged-row",
                file=path,
                line=line,
                remedy=remedy,
            ) from error
        paths.append(cells["path"])
        groups.append(cells.get("group"))
        labels.append(label)
        logits.extend(values)
    if not paths:
        raise UserError("the table is empty", code="predictions-empty", file=path, remedy=remedy)
    import torch

    known = tuple(groups) if "group" in columns else None
    scores = torch.tensor(logits).view(len(paths), len(classes))
    return Predictions(classes, tuple(paths), torch.tensor(labels), scores, known)


def _lines(text: str) -> Iterator[str]:
    """The lines of a text, without a second copy of it."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end
