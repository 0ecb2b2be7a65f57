"""Cells on this machine: in this process, or in a few worker processes that take the GPUs in turn."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import Queue

from vr.training.sweep.cell import Cell, Outcome
from vr.training.sweep.worker import run_cell, set_up


@dataclass(frozen=True)
class Local:
    """See `vr.training.sweep.launch.Launcher`.

    Args:
        jobs: worker processes; 1 runs the cells in this process.
    """

    jobs: int = 1

    def run(self, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """The outcomes of cells, in the order in which they end.

        Raises:
            KeyboardInterrupt: after the workers have written their checkpoints.
        """
        if self.jobs == 1 or len(cells) < 2:
            for cell in cells:
                yield Outcome(cell, run_cell(cell))
            return
        yield from self._in_workers(cells)

    def _in_workers(self, cells: Sequence[Cell]) -> Iterator[Outcome]:
        context = get_context("spawn")
        slots: Queue[int] = context.Queue()
        for slot in range(self.jobs):
            slots.put(slot)
        with ProcessPoolExecutor(
            self.jobs, mp_context=context, initializer=_start, initargs=(slots, self.jobs)
        ) as pool:
            waiting: dict[Future[str], Cell] = {pool.submit(run_cell, cell): cell for cell in cells}
            try:
                while waiting:
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield Outcome(waiting.pop(future), _result(future))
            except KeyboardInterrupt:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def _start(slots: Queue[int], jobs: int) -> None:
    set_up(threads=(os.cpu_count() or 1) // jobs, gpu=slots.get())


def _result(future: Future[str]) -> str:
    try:
        return future.result()
    except BrokenProcessPool:
        return "the worker process died (out of memory, or killed); run the sweep again to continue"
