"""Cells on a Ray cluster: a pool of actors, each of which keeps its backbone from cell to cell.

Ray places the actors, and starts one again, elsewhere if need be, when its process or its node died; its cell
is then given to the next free actor. All nodes see the folder of the runs.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from vr.runtime.ray_cluster import check_nodes, connected
from vr.runtime.ray_jobs import check_share, gpu_share, jobs_to_start
from vr.runtime.surroundings import Surroundings
from vr.training.sweep.cell import Cell, Outcome, write_error
from vr.training.sweep.worker import run_cell, set_up

_TRIES = 4  # a cell whose worker dies so often is the reason of it
_SECONDS_TO_STOP = 30.0  # to reach the end of an epoch and write a checkpoint


@dataclass(frozen=True)
class OnRay:
    """See `vr.training.sweep.launch.Launcher`.

    Args:
        address: see `vr.runtime.ray_cluster.connected`.
        jobs: actors; by default as many as the cluster holds.
        gpus_per_job: share of a GPU; by default a whole one where there are GPUs.
        say: called with what happens.
    """

    address: str | None = None
    jobs: int | None = None
    gpus_per_job: float | None = None
    say: Callable[[str], None] = lambda line: None

    def run(self, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """The outcomes of cells, in the order in which they end.

        Raises:
            UserError: ray is not installed, the cluster cannot be reached, is too small, or its nodes do not
                see the folder.
            KeyboardInterrupt: after the actors have written their checkpoints.
        """
        if not cells:
            return
        check_share(self.gpus_per_job)
        with connected(self.address) as ray:
            check_nodes(ray, _existing(cells[0].asked.runs))
            gpus = gpu_share(ray, self.gpus_per_job)
            jobs = min(len(cells), jobs_to_start(ray, self.jobs, gpus, self.say))
            self.say(f"{jobs} jobs on {sum(node['Alive'] for node in ray.nodes())} nodes")
            pool = _Pool(ray, jobs, gpus, self.say)
            try:
                yield from pool.run(cells)
            finally:
                pool.stop()


class _Worker:
    """The actor: one cell at a time, and meanwhile the word to stop."""

    def __init__(self, surroundings: Surroundings) -> None:
        surroundings.enter()
        set_up(threads=1, gpu=0)  # Ray shows a job its own GPU alone
        self._stopped = threading.Event()

    def ready(self) -> None:
        """Answers once the actor has started."""

    def run(self, cell: Cell) -> Outcome | None:
        """The outcome of a cell; None if it was stopped."""
        try:
            return run_cell(cell, self._stopped.is_set)
        except KeyboardInterrupt:
            return None

    def stop(self) -> None:
        """End the running cell after its epoch, with a checkpoint."""
        self._stopped.set()


class _Pool:
    """Actors, and what each of them is doing."""

    def __init__(self, ray: Any, jobs: int, gpus: float, say: Callable[[str], None]) -> None:
        self._ray, self._say = ray, say
        actor = ray.remote(num_cpus=1, num_gpus=gpus, max_restarts=-1, max_task_retries=0, max_concurrency=2)(
            _Worker
        )
        workers = [actor.remote(Surroundings.here()) for _ in range(jobs)]
        self._tasks: dict[Any, tuple[Any, Cell | None]] = {self._ready(one): (one, None) for one in workers}
        self._deaths: Counter[Path] = Counter()

    def run(self, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """The outcomes of cells, in the order in which they end."""
        waiting = deque(cells)
        while waiting or any(cell is not None for _, cell in self._tasks.values()):
            if not self._tasks:
                raise UserError(
                    "no worker can be started on the Ray cluster",
                    code="ray-no-workers",
                    remedy="Look into Ray's logs, in /tmp/ray/session_latest/logs of the nodes.",
                )
            (task, *_), _ = self._ray.wait(list(self._tasks), num_returns=1)
            worker, cell = self._tasks.pop(task)
            try:
                outcome = self._ray.get(task)
            except self._ray.exceptions.RayActorError as error:
                yield from self._after_death(worker, cell, error, waiting)
                continue
            if outcome is not None:
                yield outcome
            if waiting:
                following = waiting.popleft()
                self._tasks[worker.run.remote(following)] = worker, following

    def stop(self) -> None:
        """Let running cells write a checkpoint, then end all actors."""
        running = {task: worker for task, (worker, cell) in self._tasks.items() if cell is not None}
        for worker in running.values():
            worker.stop.remote()
        if running:
            self._ray.wait(list(running), num_returns=len(running), timeout=_SECONDS_TO_STOP)
        for worker, _ in self._tasks.values():
            self._ray.kill(worker)

    def _ready(self, worker: Any) -> Any:
        """An answer of an actor once it has started, or started again."""
        return worker.ready.options(max_task_retries=-1).remote()

    def _after_death(
        self, worker: Any, cell: Cell | None, error: Exception, waiting: deque[Cell]
    ) -> Iterator[Outcome]:
        """Give a cell back whose worker died. An actor that cannot even start is given up."""
        if cell is None:
            self._say(f"a worker is given up: {str(error).strip().splitlines()[-1]}")
            return
        self._tasks[self._ready(worker)] = worker, None
        self._deaths[cell.path] += 1
        if self._deaths[cell.path] < _TRIES:
            self._say(f"the worker of {cell.name} died; the cell is given to another one")
            waiting.appendleft(cell)
            return
        yield Outcome(cell, write_error(cell, f"its worker died {_TRIES} times (out of memory, or killed)"))


def _existing(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
