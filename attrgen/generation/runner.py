"""Jobs that run at the same time, a bounded number of them, until they are done or a signal stops them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from attrgen.llm.errors import Failed, Fatal

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Progress = Callable[[int, int], None]  # jobs done, jobs in all


class Runner:
    """Runs jobs in the event loop that is running when it is made; several callers may `run` at once.

    Args:
        most: jobs in progress at most, of all callers. With all at once the first request would be sent only
            when the last one has been prepared.
        signals: those that cancel the jobs in progress, and let no others start; by default that of Ctrl-C.

    Attributes:
        stopped_by: the signal that did.
    """

    def __init__(self, most: int, signals: Sequence[signal.Signals] = (signal.SIGINT,)) -> None:
        self.stopped_by: signal.Signals | None = None
        self._gate = asyncio.Semaphore(most)
        self._tasks: set[asyncio.Task[Any]] = set()
        with suppress(NotImplementedError, RuntimeError, ValueError):  # not in every thread, not on Windows
            for number in signals:
                asyncio.get_running_loop().add_signal_handler(number, self._stop, number)

    @property
    def interrupted(self) -> bool:
        """Whether a signal stopped the jobs."""
        return self.stopped_by is not None

    async def run(
        self,
        jobs: Mapping[K, Callable[[], Awaitable[V]]],
        progress: Progress = lambda done, total: None,
    ) -> dict[K, V | Failed | Fatal]:
        """What each job returned, or why it failed; jobs that a signal cancelled are left out.

        Raises:
            Exception: what a job raised that is neither `Failed` nor `Fatal`.
        """
        done = 0
        progress(0, len(jobs))

        async def outcome(job: Callable[[], Awaitable[V]]) -> V | Failed | Fatal:
            nonlocal done
            async with self._gate:
                try:
                    result: V | Failed = await job()
                except Failed as error:
                    result = error
                except Fatal as error:
                    return error
                done += 1
                progress(done, len(jobs))
                return result

        tasks = {key: asyncio.create_task(outcome(job)) for key, job in jobs.items()}
        self._tasks.update(tasks.values())
        if self.interrupted:
            self._cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        self._tasks.difference_update(tasks.values())
        return {key: task.result() for key, task in tasks.items() if not task.cancelled()}

    def _stop(self, number: signal.Signals) -> None:
        self.stopped_by = self.stopped_by or number
        self._cancel()

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
