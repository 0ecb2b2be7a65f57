"""One task of an array job: `python -m vr.training.sweep.task CELLS TASK COUNT` runs its cells.

Before the time limit Slurm sends USR1: the running cell writes a checkpoint of its last whole epoch, and the
task goes back into the queue. TERM, which `scancel` sends, does the same without the queue. A task that is
started again skips finished cells and continues the others.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType

from attrgen.core.errors import UserError
from attrgen.core.files import LARGEST_TABLE, read_text
from attrgen.core.validation import validate_json
from vr.runs import run as runs
from vr.runs.experiment import Experiment
from vr.training.checkpoint import epochs_done
from vr.training.sweep.cell import Cell, inspect, is_finished, is_to_run
from vr.training.sweep.worker import run_cell, set_up


@dataclass
class Signals:
    """The signal that asked this process to stop; None as long as there is none."""

    received: int | None = None

    def install(self) -> None:
        """From now on, the first signal before a time limit, or of `scancel`, interrupts what runs."""
        for number in (signal.SIGUSR1, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:  # a second one must not interrupt the writing of the checkpoint
            self.received = number
            raise KeyboardInterrupt


def cells_of(path: Path, task: int, count: int) -> list[Experiment]:
    """The cells of a task: `count` lines of the file, which has one experiment per line.

    Raises:
        UserError: the file cannot be read, or is damaged.
    """
    lines = read_text(path, what="list of cells", largest=LARGEST_TABLE).split("\n")
    what = {"what": "list of cells", "code": "sweep-cells", "remedy": "Submit the sweep again."}
    mine = islice(filter(None, lines), task * count, (task + 1) * count)
    return [validate_json(Experiment, line, file=path, **what) for line in mine]


def run_task(asked: list[Experiment], signals: Signals) -> int:
    """Run cells until a signal comes; the exit status."""
    before = _progress(asked)
    failed = 0
    try:
        for experiment in asked:
            failed += _run(inspect(experiment))
    except KeyboardInterrupt:
        return _after_signal(signals, before != _progress(asked))
    return 1 if failed else 0


def _run(cell: Cell) -> bool:
    """Run a cell that is neither finished nor failed; whether it failed."""
    if not is_to_run(cell, retry=False):
        print(f"{cell.state}: {cell.name}", flush=True)
        return cell.state == "failed"
    outcome = run_cell(cell)
    print(f"{outcome.error or 'done'}: {cell.name}", flush=True)
    return bool(outcome.error) and not outcome.elsewhere


def _after_signal(signals: Signals, progressed: bool) -> int:
    """Put this task back into the queue if its time was over, unless it would come no further."""
    if signals.received != signal.SIGUSR1:
        print("stopped; the run directories have checkpoints", flush=True)
        return 1
    if not progressed:
        print("the time is over before one epoch: raise `time`. Not put back into the queue", flush=True)
        return 1
    print("the time is over: back into the queue", flush=True)
    return subprocess.run(["scontrol", "requeue", _name_of_task()]).returncode


def _name_of_task() -> str:
    """This task alone: the number of its job may be that of the whole array."""
    return f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"


def _progress(asked: list[Experiment]) -> list[tuple[bool, int]]:
    """Whether each cell has finished, and its epochs so far."""
    paths = [inspect(experiment).path for experiment in asked]
    return [(is_finished(path), epochs_done(path / runs.CHECKPOINT)) for path in paths]


def main(arguments: list[str]) -> int:
    """Run the task; see the module."""
    signals = Signals()
    signals.install()
    path, task, count = arguments
    set_up(threads=int(os.environ.get("SLURM_CPUS_PER_TASK", "1")), gpu=0)
    try:
        return run_task(cells_of(Path(path), int(task), int(count)), signals)
    except UserError as error:
        print(error, flush=True)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
