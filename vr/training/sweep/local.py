"""Cells on this machine: in this process, or in a few worker processes that take the GPUs in turn."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.queues import Queue
from threading import Thread
from types import FrameType
from typing import Any, TypeVar

from vr.data.loading.kept import keeping
from vr.data.sources import opening_once
from vr.training.sweep.cell import Cell, Outcome
from vr.training.sweep.worker import report_cell, run_cell, set_up

_log = logging.getLogger(__name__)

_GRACE_SECONDS = 2.0
T = TypeVar("T")


@dataclass(frozen=True)
class Local:
    """See `vr.training.sweep.launch.Launcher`.

    Args:
        jobs: worker processes; 1 runs the cells in this process.
    """

    jobs: int = 1

    def run(self, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """The outcomes of cells, in the order in which they end; workers write all reports at the end.

        Raises:
            KeyboardInterrupt: after the workers have written their checkpoints.
        """
        if self.jobs == 1 or len(cells) < 2:
            with opening_once(), keeping():  # cells read the same images
                for cell in cells:
                    yield run_cell(cell)
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
            train = partial(_interruptible, partial(run_cell, report=False))
            waiting: dict[Future[Outcome], Cell] = {}
            reports: dict[Future[None], Cell] = {}
            try:
                with _held_interruptions():  # the workers inherit it; see `_start`
                    for cell in cells:
                        waiting[pool.submit(train, cell)] = cell
                while waiting:
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        outcome = _outcome(waiting.pop(future), future)
                        if not (outcome.error or outcome.elsewhere):  # behind all cells: they come first
                            with suppress(BrokenProcessPool):
                                report = pool.submit(_interruptible, report_cell, outcome.cell)
                                reports[report] = outcome.cell
                        yield outcome
                _finish(reports)
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                _interrupt_workers([*waiting, *reports])
                pool.shutdown(wait=True)
                raise


def _finish(reports: Mapping[Future[None], Cell]) -> None:
    """Wait for the reports; one that cannot be written is no error of its cell."""
    for future, cell in reports.items():
        if (error := future.exception()) is not None:
            _log.warning("no report in %s: %s", cell.path, error)


def _interrupt_workers(running: Sequence[Future[Any]]) -> None:
    """Ctrl-C in a terminal reaches the workers as well, a signal to this process alone does not."""
    _, unfinished = wait(running, timeout=_GRACE_SECONDS)
    if unfinished:
        for worker in active_children():
            with suppress(OSError, TypeError):  # it has ended
                os.kill(worker.pid, signal.SIGINT)  # type: ignore[arg-type]


@contextmanager
def _held_interruptions() -> Iterator[None]:
    """Ctrl-C comes at the end of the block, where the system can hold it back."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))


@dataclass
class _Worker:
    """What Ctrl-C finds in a worker.

    Attributes:
        busy: whether it runs a cell.
        stopped: whether Ctrl-C has come.
    """

    busy: bool = False
    stopped: bool = False


_worker = _Worker()


def _start(slots: Queue[int], jobs: int) -> None:
    """Prepare a worker. Ctrl-C was held back until here.

    From now on it interrupts the cell that runs, and each cell that would follow. Between cells it would end
    the worker with a traceback.
    """
    with _held_interruptions():
        signal.signal(signal.SIGINT, _interrupt)
        Thread(target=_end_with_parent, daemon=True).start()
        set_up(threads=(os.cpu_count() or 1) // jobs, gpu=slots.get())


def _interrupt(number: int, frame: FrameType | None) -> None:
    _worker.stopped = True
    if _worker.busy:
        raise KeyboardInterrupt


def _interruptible(function: Callable[[Cell], T], cell: Cell) -> T:
    """What `function` gives for a cell, in a worker."""
    _worker.busy = True
    try:
        if _worker.stopped:
            raise KeyboardInterrupt
        return function(cell)
    finally:
        _worker.busy = False


def _end_with_parent() -> None:
    """End this worker if the sweep was killed: it would wait for cells for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _outcome(cell: Cell, future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        error = "the worker process died (out of memory, or killed); run the sweep again to continue"
        return Outcome(cell, error)
