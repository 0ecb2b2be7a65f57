"""Scores of images as a table: `predictions.csv`, one row per image."""

from __future__ import annotations

import csv
import io
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from attrgen.core.files import read_text, write_text
from attrgen.core.shell import command

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Predictions:
    """Scores of images, one row per image, on the CPU.

    Attributes:
        classes: names in label order.
        paths: (N) ids of the images in their collection.
        labels: (N,) true classes.
        logits: (N, C) fused scores.
        groups: (N) what images belong to that are not independent, such as a patient; None where it is not
            known. They are not saved.
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


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Predictions of several sets of images of the same classes, as one."""
    import torch

    groups = [part.groups for part in parts if part.groups is not None]
    return Predictions(
        parts[0].classes,
        tuple(path for part in parts for path in part.paths),
        torch.cat([part.labels for part in parts]),
        torch.cat([part.logits for part in parts]),
        tuple(chain.from_iterable(groups)) if len(groups) == len(parts) else None,
    )


def save(predictions: Predictions, path: Path) -> None:
    """Write `predictions.csv`: path, label, predicted, and the fused logit of every class."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    names = predictions.classes
    rows.writerow(["path", "label", "predicted", *names])
    numbers = zip(
        predictions.paths,
        predictions.labels.tolist(),
        predictions.predicted.tolist(),
        predictions.logits.tolist(),
        strict=True,
    )
    for image, label, predicted, logits in numbers:
        rows.writerow([image, names[label], names[predicted], *(f"{value:.6f}" for value in logits)])
    write_text(path, text.getvalue())


def load(path: Path) -> Predictions:
    """Read `predictions.csv`.

    Raises:
        UserError: not there, or not such a table.
    """
    remedy = f"Write it again: {command('vr', 'eval', path.parent)}."
    rows = csv.reader(io.StringIO(read_text(path, what="predictions table")))
    head = next(rows, [])
    if head[:3] != ["path", "label", "predicted"] or len(head) < 5:
        raise UserError(
            "not a predictions table (path, label, predicted, one column per class)",
            code="predictions-not-a-table",
            file=path,
            remedy=remedy,
        )
    classes = tuple(head[3:])
    positions = {name: label for label, name in enumerate(classes)}
    paths: list[str] = []
    labels: list[int] = []
    logits: list[list[float]] = []
    for row in rows:
        try:
            label, values = positions[row[1]], [float(cell) for cell in row[3:]]
            if len(values) != len(classes):
                raise ValueError(f"{len(values)} scores for {len(classes)} classes")
        except (ValueError, IndexError, KeyError) as error:
            raise UserError(
                f"a row cannot be read: {error}",
                code="predictions-damaged-row",
                file=path,
                line=rows.line_num,
                remedy=remedy,
            ) from error
        paths.append(row[0])
        labels.append(label)
        logits.append(values)
    if not paths:
        raise UserError("the table is empty", code="predictions-empty", file=path, remedy=remedy)
    import torch

    return Predictions(classes, tuple(paths), torch.tensor(labels), torch.tensor(logits))
