"""Jobs that run at the same time, a bounded number of them, until they are done or Ctrl-C is pressed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Hashable, Mapping
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

    Attributes:
        interrupted: Ctrl-C was pressed; jobs in progress were cancelled and no others are started.
    """

    def __init__(self, most: int) -> None:
        self.interrupted = False
        self._gate = asyncio.Semaphore(most)
        self._tasks: set[asyncio.Task[Any]] = set()
        with suppress(NotImplementedError, RuntimeError, ValueError):  # not in every thread, not on Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)

    async def run(
        self,
        jobs: Mapping[K, Callable[[], Awaitable[V]]],
        progress: Progress = lambda done, total: None,
    ) -> dict[K, V | Failed | Fatal]:
        """What each job returned, or why it failed; jobs that Ctrl-C cancelled are left out.

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
            self._interrupt()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        self._tasks.difference_update(tasks.values())
        return {key: task.result() for key, task in tasks.items() if not task.cancelled()}

    def _interrupt(self) -> None:
        self.interrupted = True
        for task in self._tasks:
            task.cancel()
