"""How many requests are in flight: few at first, more while the server keeps up, fewer when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_AFTER_FIRST = 4  # requests in flight once one was answered
_SLOWER = 2.5  # times the quickest answer: from here on more requests would only wait at the server
_LONGEST_BREAK = 30.0  # seconds


class Pace:
    """Slow start, then additive increase and multiplicative decrease, between 1 and `most` in flight.

    One request goes alone, so that what the server accepts is known before others are sent. Then the number
    doubles with each round of answers, until `most`, until answers take much longer than the quickest (the
    server works on a few at a time and the others wait), or until the server says that it is too much.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = 1.0
        self._threshold = float(most)  # below it the number doubles per round, above it grows by 1
        self._active = 0
        self._resume = 0.0
        self._cut = 0.0
        self._quickest = float("inf")
        self._overloads = 0  # in a row
        self._changed = asyncio.Condition()
        self.successes = 0

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
        """After a sign of overload: half as many, and nothing new before `wait` seconds have passed.

        Without `wait` the break doubles with each sign in a row. Answers to requests that began before the
        last cut say nothing new, so they do not cut again.
        """
        now = asyncio.get_running_loop().time()
        if began >= self._cut:
            self._limit = max(1.0, self._limit / 2)
            self._threshold = self._limit
            self._cut = now
            self._overloads += 1
        elif wait is None:
            return
        pause = wait if wait is not None else min(_LONGEST_BREAK, 0.25 * 2.0**self._overloads)
        self._resume = max(self._resume, now + pause)

    def faster(self, began: float) -> None:
        """After an answer: more requests, unless it took much longer than the quickest one."""
        took = asyncio.get_running_loop().time() - began
        self.successes += 1
        self._overloads = 0
        self._quickest = min(self._quickest, took)
        if self.successes == 1 and self._threshold >= _AFTER_FIRST:
            self._limit = max(self._limit, float(min(self._most, _AFTER_FIRST)))
        elif took <= max(_SLOWER * self._quickest, self._quickest + 0.05):
            step = 1.0 if self._limit < self._threshold else 1.0 / self._limit
            self._limit = min(float(self._most), self._limit + step)
