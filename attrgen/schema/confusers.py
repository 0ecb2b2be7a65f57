"""Which classes each class is mistaken for: all of them when they are few, else the most likely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from attrgen.core.csv_rows import csv_rows
from attrgen.core.errors import UserError
from attrgen.core.files import LARGEST_TABLE, read_text
from attrgen.core.shell import command
from attrgen.schema.card import Card

ALL_PAIRS_UP_TO = 10  # classes; 90 ordered pairs
MOST_LIKELY = 3  # confusers of a class when classes are many

Limit = int | Literal["all"] | None


def choose(card: Card, limit: Limit = None, run: Path | None = None) -> dict[str, tuple[str, ...] | int]:
    """The confusers of every class, or how many the LLM is to name where nothing says which.

    In this order: `limit` "all" is every other class; `run` counts a run's mistakes; the card's own list;
    every other class when classes are at most `ALL_PAIRS_UP_TO` and `limit` is None or not smaller; else a
    number. A limit cuts a list to its first names.

    Raises:
        UserError: the run has no usable predictions.
    """
    mistakes = {} if run is None else from_run(card, run)
    number = MOST_LIKELY if limit is None else limit
    chosen: dict[str, tuple[str, ...] | int] = {}
    for name in card.class_names:
        others = tuple(other for other in card.class_names if other != name)
        if number == "all":
            chosen[name] = others
        elif run is not None:
            chosen[name] = mistakes.get(name, ())[:number]
        elif name in card.confusers:
            chosen[name] = card.confusers[name][: None if limit is None else number]
        elif (limit is None and len(card.class_names) <= ALL_PAIRS_UP_TO) or number >= len(others):
            chosen[name] = others
        else:
            chosen[name] = number
    return chosen


def from_run(card: Card, run: Path) -> Mapping[str, tuple[str, ...]]:
    """For each class, the classes that a run took its images for, the most frequent first.

    Reads `predictions.csv` of a run directory (columns `label` and `predicted`, class names). Ties are
    in the card's order. The test images must not choose the confusers of a set that is measured on them: take
    a folder into which `vr eval` wrote its predictions of the val split.

    Raises:
        UserError: no such file, not a table, a column is missing, a class is not in the card, or there is no
            mistake.
    """
    path = run / "predictions.csv"
    text = read_text(path, what="predictions file of a run", largest=LARGEST_TABLE)
    remedy = f"Write it again: {command('vr', 'eval', run)}."
    rows = csv_rows(text, path, code="confusers-not-csv", remedy=remedy)
    _, titles = next(rows, (0, []))
    if not {"label", "predicted"} <= set(titles):
        raise UserError(
            "the columns 'label' and 'predicted' are missing",
            code="confusers-missing-column",
            file=path,
            remedy="Give --from-run the directory of a finished run, or a folder of its results.",
        )
    counts: dict[str, Counter[str]] = {}
    for line, cells in rows:
        row = dict(zip(titles, cells, strict=False))
        label, predicted = (_class(card, row.get(column), path, line) for column in ("label", "predicted"))
        if label != predicted:
            counts.setdefault(label, Counter())[predicted] += 1
    if not counts:
        raise UserError(
            "the run made no mistakes, so it names no confusers",
            code="confusers-no-mistakes",
            file=path,
            remedy="Use --confusers K instead.",
        )
    order = card.class_names.index
    return {
        label: tuple(sorted(counter, key=lambda other: (-counter[other], order(other))))
        for label, counter in counts.items()
    }


def _class(card: Card, spelling: str | None, path: Path, line: int) -> str:
    match = card.find_class(spelling or "")
    if match is None:
        raise UserError(
            f"'{spelling or ''}' is no class of the card '{card.name}'",
            code="confusers-unknown-class",
            file=path,
            line=line,
            remedy="Give --from-run a run on the same dataset.",
        )
    return match.name
