"""What a page shows of many classes: the worst of them; all are in tables beside the page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from attrgen.core.files import write_text
from vr.runs import run as runs

MOST = 30  # classes that a page draws

Matrix = Sequence[Sequence[int]]


class Confusion(NamedTuple):
    """Images of a class that were taken for another, of `total` of that class."""

    images: int
    label: int
    predicted: int
    total: int


class Excerpt(NamedTuple):
    """A part of a confusion matrix: its classes, their counts, and the images of each class in all."""

    classes: list[int]
    matrix: list[list[int]]
    totals: list[int]


def worst_classes(metrics: Mapping[str, Any]) -> list[int]:
    """Labels of the classes to list: all in their order, or of many the `MOST` with the lowest recall."""
    recalls = [values["recall"] for values in metrics["per_class"].values()]
    labels = list(range(len(recalls)))
    if len(labels) <= MOST:
        return labels
    return sorted(labels, key=lambda label: (recalls[label] is None, recalls[label]))[:MOST]


def excerpt(matrix: Matrix) -> Excerpt:
    """The whole matrix, or of many classes those of the most frequent mistakes, `MOST` of them."""
    classes = list(range(len(matrix)))
    if len(classes) > MOST:
        involved = (label for pair in confusions(matrix) for label in (pair.label, pair.predicted))
        first = list(dict.fromkeys(involved)) + classes
        classes = sorted(list(dict.fromkeys(first))[:MOST])
    return Excerpt(
        classes,
        [[matrix[row][column] for column in classes] for row in classes],
        [sum(matrix[row]) for row in classes],
    )


def confusions(matrix: Matrix) -> list[Confusion]:
    """All pairs of classes that were confused, the most frequent first."""
    pairs = [
        Confusion(count, label, predicted, total)
        for label, counts in enumerate(matrix)
        if (total := sum(counts)) > counts[label]
        for predicted, count in enumerate(counts)
        if count and predicted != label
    ]
    return sorted(pairs, key=lambda pair: (-pair.images, pair.label, pair.predicted))


def write_tables(metrics: Mapping[str, Any], folder: Path) -> None:
    """Write `classes.csv` and `confusions.csv` beside a page that does not show all classes."""
    names = list(metrics["per_class"])
    if len(names) <= MOST:
        return
    _write(folder / runs.CLASSES_CSV, _class_rows(metrics["per_class"]))
    _write(folder / runs.CONFUSIONS_CSV, _confusion_rows(metrics["confusion_matrix"], names))


def _class_rows(per_class: Mapping[str, Mapping[str, Any]]) -> Iterator[list[Any]]:
    columns = ["images", "recall", "precision", "f1", "auroc"]
    yield ["class", *columns]
    for name, values in per_class.items():
        yield [name, *(values[column] for column in columns)]


def _confusion_rows(matrix: Matrix, names: Sequence[str]) -> Iterator[list[Any]]:
    yield ["true", "predicted", "images", "of"]
    for pair in confusions(matrix):
        yield [names[pair.label], names[pair.predicted], pair.images, pair.total]


def _write(path: Path, rows: Iterator[list[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(path, text.getvalue())
