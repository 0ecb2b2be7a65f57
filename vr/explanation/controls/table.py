"""Controls as rows of words for a table, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from attrgen.core import tables
from vr.explanation.controls.measurement import SIGNIFICANT, Measured, Row

NOTE = (
    "Gain: over class names only. Loss: what the sentences as written have more. 95% bootstrap intervals, "
    f"paired by image and seed; * p < {SIGNIFICANT} after Holm's correction."
)


def cells(measured: Measured) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the table, as words."""
    heads = ["texts", "accuracy, %", "gain, points", "loss, points"]
    return heads, [_cells(row) for row in measured.rows]


def show(measured: Measured) -> None:
    """Print the table, what its columns are, and the sentence."""
    heads, rows = cells(measured)
    table = tables.table(heads[0], numbers=tuple(heads[1:]))
    for row in rows:
        tables.add_row(table, *row)
    tables.show(table)
    print(NOTE)
    print(measured.sentence)


def as_json(measured: Measured) -> Mapping[str, Any]:
    """All numbers; shares in [0, 1]."""
    return {
        "format": "controls/1",
        "method": measured.method,
        "texts": {row.name: {k: v for k, v in asdict(row).items() if k != "name"} for row in measured.rows},
        "sentence": measured.sentence,
    }


def _cells(row: Row) -> list[str]:
    accuracy = f"{100 * row.accuracy:.1f} ({100 * row.low:.1f} to {100 * row.high:.1f})"
    gain = loss = ""
    if row.gain is not None:
        gain = f"{100 * row.gain.mean:+.1f} ({100 * row.gain.low:+.1f} to {100 * row.gain.high:+.1f})"
    if row.loss is not None:
        star = "*" if row.p is not None and row.p < SIGNIFICANT else ""
        loss = f"{100 * row.loss.mean:+.1f}{star} ({100 * row.loss.low:+.1f} to {100 * row.loss.high:+.1f})"
    return [row.title, accuracy, gain, loss]
