"""Which epoch of a run is kept, defined once: for the trainer, for resuming and for what is reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from vr.runs.history import Row

Select = Literal["last", "val"]
VAL_ACCURACY, VAL_LOSS, ORACLE = "val_accuracy", "val_loss", "oracle_accuracy"


def is_better(row: Row, best: Row | None) -> bool:
    """Whether an epoch is better on validation than the best so far: by accuracy, then by loss.

    The earlier one of two equals stays the best.
    """
    if best is None:
        return True
    return (row[VAL_ACCURACY], -row[VAL_LOSS]) > (best[VAL_ACCURACY], -best[VAL_LOSS])


def selected_row(select: Select, history: Sequence[Row]) -> Row | None:
    """The row of the epoch that a run keeps: the last, or the first best on validation; None without any."""
    if select == "last":
        return history[-1] if history else None
    best: Row | None = None
    for row in history:
        if is_better(row, best):
            best = row
    return best


def is_exhausted(history: Sequence[Row], patience: int | None) -> bool:
    """Whether no epoch was better on validation than the best one in the last `patience` epochs."""
    best = None if patience is None or not history else selected_row("val", history)
    return best is not None and patience is not None and history[-1]["epoch"] - best["epoch"] >= patience


def selected_epoch(select: Select, history: Sequence[Row]) -> int | None:
    """The number of that epoch, from 1."""
    row = selected_row(select, history)
    return None if row is None else int(row["epoch"])


def oracle_row(history: Sequence[Row]) -> Row | None:
    """The row of the first epoch that is best on the test set; None where that was not noted."""
    if not history or ORACLE not in history[0]:
        return None
    return max(history, key=lambda row: row[ORACLE])
