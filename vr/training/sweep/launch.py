"""Which cells of a sweep are run, and the interface of what runs them.

Whatever stops a sweep, every finished cell is complete, and an unfinished one continues from its checkpoint
the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from vr.training.sweep.cell import Cell, Outcome, is_to_run
from vr.training.sweep.local import Local


class Launcher(Protocol):
    """What runs cells: on this machine, or on others that see the same folders."""

    def run(self, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """The outcomes of cells, in the order in which they end.

        A cell that fails leaves `error.json` in its directory, and the others are run.
        """


def sweep(
    cells: Sequence[Cell],
    *,
    jobs: int = 1,
    retry: bool = False,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
    launcher: Launcher | None = None,
) -> list[Outcome]:
    """Run every cell that is not finished.

    Args:
        jobs: worker processes on this machine, which take the GPUs in turn; 1 runs the cells in this process.
        retry: run failed cells again.
        on_outcome: called with each outcome.
        launcher: what runs the cells; by default this machine, with `jobs`.

    Returns:
        An outcome for each cell that was run.

    Raises:
        KeyboardInterrupt: after the workers have written their checkpoints.
    """
    outcomes: list[Outcome] = []
    to_run = [cell for cell in cells if is_to_run(cell, retry)]
    for outcome in (launcher or Local(jobs)).run(to_run):
        outcomes.append(outcome)
        on_outcome(outcome)
    return outcomes
