"""Scores of images as a table: `predictions.csv`, a row an image."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from attrgen.core.errors import UserError
from attrgen.core.files import read_text, write_text


@dataclass(frozen=True)
class Predictions:
    """Scores of images, one row an image, on the CPU.

    Attributes:
        classes: names in label order.
        paths: (N) ids of the images in their collection.
        labels: (N,) true classes.
        logits: (N, C) fused scores.
    """

    classes: tuple[str, ...]
    paths: tuple[str, ...]
    labels: Tensor
    logits: Tensor

    @property
    def predicted(self) -> Tensor:
        """(N,) classes with the largest score."""
        return self.logits.argmax(1)


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
    rows = csv.reader(io.StringIO(read_text(path, what="predictions table")))
    head = next(rows, [])
    if head[:3] != ["path", "label", "predicted"] or len(head) < 5:
        raise UserError(
            "not a predictions table (path, label, predicted, a column a class)",
            file=path,
            remedy="Run `vr eval RUN` to write it again.",
        )
    classes = tuple(head[3:])
    paths: list[str] = []
    labels: list[int] = []
    logits: list[list[float]] = []
    for row in rows:
        try:
            labels.append(classes.index(row[1]))
            logits.append([float(cell) for cell in row[3:]])
        except (ValueError, IndexError) as error:
            raise UserError(
                f"a row cannot be read: {error}", file=path, line=rows.line_num, remedy="Run `vr eval RUN`."
            ) from error
        if len(logits[-1]) != len(classes):
            raise UserError("a row is cut short", file=path, line=rows.line_num, remedy="Run `vr eval RUN`.")
        paths.append(row[0])
    if not paths:
        raise UserError("the table is empty", file=path, remedy="Run `vr eval RUN`.")
    return Predictions(classes, tuple(paths), torch.tensor(labels), torch.tensor(logits))
