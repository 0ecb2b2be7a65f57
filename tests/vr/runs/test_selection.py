"""Which epoch is kept."""

from __future__ import annotations

import pytest

from vr.runs.selection import is_better, oracle_row, selected_epoch

# epoch, accuracy, loss on validation, and accuracy on the test set
HISTORY = [
    {"epoch": epoch, "val_accuracy": accuracy, "val_loss": loss, "oracle_accuracy": oracle}
    for epoch, accuracy, loss, oracle in [
        (1.0, 0.50, 0.9, 0.4),
        (2.0, 0.75, 0.8, 0.6),
        (3.0, 0.75, 0.7, 0.6),
        (4.0, 0.75, 0.7, 0.5),
        (5.0, 0.50, 0.1, 0.5),
    ]
]


@pytest.mark.parametrize(("select", "epoch"), [("last", 5), ("val", 3)])
def test_the_last_or_the_first_best_on_validation_is_kept(select: str, epoch: int) -> None:
    assert selected_epoch(select, HISTORY) == epoch  # type: ignore[arg-type]
    assert selected_epoch(select, []) is None  # type: ignore[arg-type]


def test_accuracy_counts_before_loss_and_equals_are_not_better() -> None:
    one, two, three, four, five = HISTORY
    assert is_better(one, None) and is_better(two, one) and is_better(three, two)
    assert not is_better(four, three) and not is_better(five, three)


def test_the_oracle_is_the_first_best_on_the_test_set() -> None:
    best = oracle_row(HISTORY)
    assert best is not None and best["epoch"] == 2
    assert oracle_row([{"epoch": 1.0}]) is None and oracle_row([]) is None
