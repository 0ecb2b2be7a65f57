"""How many requests are in flight: few at first, more while the server keeps up, fewer when it does not."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_AFTER_FIRST = 4  # requests in flight once one was answered
_SLOWER = 2.0  # times the first answers: from here on more requests would only wait at the server
_FIRST = 4  # answers whose time is compared with
_SECONDS_SLOWER = 1.0  # and at least so much longer, for short answers vary with everything
_ABOVE_CEILING = 0.25  # more per round of answers
_LONGEST_BREAK = 30.0  # seconds


class Pace:
    """Slow start, then additive increase and multiplicative decrease, between 1 and `most` in flight.

    One request goes alone, so that what the server accepts is known before others are sent. Then the number
    grows quickly until `most`, until answers take much longer than the first ones (the server works on a few
    at a time and the others wait), or until the server says that it is too much.
    """

    def __init__(self, most: int, timeout: float = float("inf")) -> None:
        self._most = most
        self._patience = timeout / 2  # seconds; with more requests a slower answer might come too late
        self._limit = 1.0
        self._threshold = float(most)  # below it the number triples per round, above it grows by 1
        self._ceiling = float(most)  # the number at the last overload, less 1; above it growth is slow
        self._active = 0
        self._resume = 0.0
        self._cut = 0.0
        self._first: list[float] = []  # seconds
        self._overloads = 0  # in a row
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.successes = 0

    @property
    def limit(self) -> int:
        """Requests allowed in flight at the moment."""
        return int(self._limit)

    @asynccontextmanager
    async def turn(self, *, urgent: bool = False) -> AsyncIterator[float]:
        """Wait until one more request may be sent; gives the moment at which it began.

        Args:
            urgent: before others that wait: a request that continues what was begun.
        """
        await self._enter(urgent)
        try:
            clock = asyncio.get_running_loop().time
            while (rest := self._resume - clock()) > 0:
                await asyncio.sleep(rest)
            yield clock()
        finally:
            self._leave()

    async def _enter(self, urgent: bool) -> None:
        if self._active < self.limit and not self._waiting:
            self._active += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if urgent else self._waiting.append)(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # its turn had come already
                self._leave()
            raise

    def _leave(self) -> None:
        self._active -= 1
        while self._waiting and self._active < self.limit:
            waiter = self._waiting.popleft()
            if not waiter.cancelled():
                self._active += 1
                waiter.set_result(None)

    def slower(self, began: float, wait: float | None) -> None:
        """After a sign of overload: half as many, and nothing new before `wait` seconds have passed.

        Without `wait` the break doubles with each sign in a row. Answers to requests that began before the
        last cut say nothing new, so they do not cut again.
        """
        now = asyncio.get_running_loop().time()
        if began >= self._cut:
            if self.successes:  # before, the server may only be starting
                self._ceiling = max(1.0, min(self._limit, float(self._active)) - 1.0)
                self._limit = max(1.0, self._limit / 2)
                self._threshold = self._limit
            self._cut = now
            self._overloads += 1
        elif wait is None:
            return
        pause = wait if wait is not None else min(_LONGEST_BREAK, 0.25 * 2.0**self._overloads)
        self._resume = max(self._resume, now + pause)

    def faster(self, began: float) -> None:
        """After an answer: more requests; a little fewer if it took much longer than the first ones."""
        took = asyncio.get_running_loop().time() - began
        self.successes += 1
        self._overloads = 0
        self._first += [took] if len(self._first) < _FIRST else []
        usual = sum(self._first) / len(self._first)
        if self.successes == 1 and self._threshold >= _AFTER_FIRST:
            in_time = self._patience // max(took, 1e-3)  # even if the server works on one at a time
            self._limit = max(self._limit, float(min(self._most, _AFTER_FIRST, in_time)))
        elif self._patience < took <= 2 * self._patience:
            self._threshold = self._limit
        elif took <= max(_SLOWER * usual, usual + _SECONDS_SLOWER):
            step = 2.0 if self._limit < self._threshold else 1.0 / self._limit
            beyond = self._limit + _ABOVE_CEILING / self._limit
            self._limit = min(float(self._most), max(beyond, min(self._limit + step, self._ceiling)))
        else:
            self._limit = max(min(self._limit, 2.0), self._limit - 0.5)
            self._threshold = self._limit
