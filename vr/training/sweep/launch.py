"""Which cells of a sweep are run, and the interface of what runs them.

Whatever stops a sweep, every finished cell is complete, and an unfinished one continues from its checkpoint
the next time. Several sweeps may share a folder, on several machines too: each cell is run by one process,
and a sweep ends when all of its cells have ended, whoever ran them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from math import inf
from typing import Protocol

from attrgen.core.command import raise_if_stopped
from attrgen.core.locks import locked_folder
from vr.training.sweep.cell import ERROR, Cell, Outcome, is_finished, is_to_run, read_error
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
    say: Callable[[str], None] = lambda line: None,
) -> list[Outcome]:
    """Run every cell that is not finished.

    Args:
        jobs: worker processes on this machine, which take the GPUs in turn; 1 runs the cells in this process.
        retry: run failed cells again.
        on_outcome: called with each outcome.
        launcher: what runs the cells; by default this machine, with `jobs`.
        say: called with a line for each cell that another process runs. It is waited for in the end, and
            continued here if that process stops.

    Returns:
        An outcome for each cell that was not finished.

    Raises:
        KeyboardInterrupt: after the workers have written their checkpoints.
    """
    outcomes: list[Outcome] = []
    to_run = [cell for cell in cells if is_to_run(cell, retry)]
    while to_run:
        elsewhere: list[Cell] = []
        for outcome in chain((launcher or Local(jobs)).run(to_run), _ends_elsewhere(elsewhere)):
            if outcome.elsewhere:
                say(f"left for the end: {outcome.error}")
                elsewhere.append(outcome.cell)
            else:
                outcomes.append(outcome)
                on_outcome(outcome)
            raise_if_stopped()
        ended = {outcome.cell.path for outcome in outcomes}
        to_run = [cell for cell in elsewhere if cell.path not in ended]
    return outcomes


def _ends_elsewhere(cells: Sequence[Cell]) -> Iterator[Outcome]:
    """Wait until no other process runs these cells; the outcomes of those that came to an end."""
    for cell in cells:
        with locked_folder(cell.path, wait=inf):
            finished, failed = is_finished(cell.path), (cell.path / ERROR).is_file()
        if finished or failed:
            yield Outcome(cell, "" if finished else read_error(cell.path))
