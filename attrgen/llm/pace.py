"""How many requests are in flight: as many as allowed, fewer after a 429."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Pace:
    """Additive increase and multiplicative decrease of the requests in flight, between 1 and `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._active = 0
        self._resume = 0.0
        self._cut = 0.0
        self._changed = asyncio.Condition()

    @property
    def limit(self) -> int:
        """Requests allowed in flight at the moment."""
        return int(self._limit)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[float]:
        """Wait until one more request may be sent; gives the moment at which it began."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._active < self.limit)
            self._active += 1
        try:
            clock = asyncio.get_running_loop().time
            while (rest := self._resume - clock()) > 0:
                await asyncio.sleep(rest)
            yield clock()
        finally:
            async with self._changed:
                self._active -= 1
                self._changed.notify(max(1, self.limit - self._active))  # to wake all would cost the most

    def slower(self, began: float, wait: float | None) -> None:
        """After a 429: half as many from now on, and nothing new before `wait` seconds have passed.

        The answers to requests that began before the last cut say nothing new, so they do not cut again.
        """
        now = asyncio.get_running_loop().time()
        self._resume = max(self._resume, now + (wait or 0.0))
        if began >= self._cut:
            self._limit = max(1.0, self._limit / 2)
            self._cut = now

    def faster(self) -> None:
        """After a success: a little more, up to `most`."""
        self._limit = min(float(self._most), self._limit + 0.5)
