"""How many requests are in flight: few at first, more while the server keeps up, fewer when it does not."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SHARE = 12  # one in so many of the waiting requests may turn out to be too many
_PROBE = 25  # answers before one more is tried than what was too many; so it costs 4% at most
_SLOWER = 2.0  # times the first answers: from here on more requests would only wait at the server
_FIRST = 4  # answers whose time is compared with
_SECONDS_SLOWER = 1.0  # and at least so much longer, for short answers vary with everything
_PATIENCE = 0.7  # of the time-out; a slower answer might come too late with one more in flight
_BREAK, _BREAK_LOADING = 0.25, 1.0  # seconds, doubled with each sign of overload in a row
_LONGEST_BREAK = 30.0  # seconds


class Pace:
    """Slow start, then additive increase and multiplicative decrease, between 1 and `most` in flight.

    One request goes alone, so that what the server accepts is known before others are sent. Then the number
    grows with each round of answers until `most`, until answers take much longer than the first ones (the
    server works on a few at a time and the others wait) or might come too late, or until the server says
    that it is too much. The fewer requests there are, the slower it grows: what is too much for the server
    is no use, and should be a small part of all.

    Args:
        most: requests in flight at most.
        timeout: seconds that one request may take.
        start: requests in flight before the first answer.
    """

    def __init__(self, most: int, timeout: float = float("inf"), *, start: int = 1) -> None:
        self._most = most
        self._patience = _PATIENCE * timeout
        self._limit = float(start)
        self._threshold = float(most)  # below it the number grows by a share of what waits, above it by 1
        self._ceiling = float(most)  # what the server can take by its last overload; above it growth is slow
        self._least = 1.0  # the lowest ceiling by that overload
        self._active = 0
        self._break: asyncio.TimerHandle | None = None
        self._cut = 0.0
        self._first: list[float] = []  # seconds
        self._round: list[float] = []  # seconds of the answers since the number last grew
        self._overloads = 0  # in a row
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.successes = 0

    @property
    def limit(self) -> int:
        """Requests allowed in flight at the moment."""
        return int(self._limit)

    @property
    def rest(self) -> float:
        """Seconds until requests may be sent again."""
        return 0.0 if self._break is None else max(0.0, self._break.when() - _now())

    @asynccontextmanager
    async def turn(self, *, urgent: bool = False) -> AsyncIterator[float]:
        """Wait until one more request may be sent; gives the moment at which it began.

        Args:
            urgent: before others that wait: a request that continues what was begun.
        """
        await self._enter(urgent)
        try:
            yield _now()
        finally:
            self._leave()

    def slower(self, began: float, wait: float | None, *, loading: bool = False) -> None:
        """After a sign of overload: half as many, and nothing new before `wait` seconds have passed.

        Without `wait` the break doubles with each sign in a row. Further requests of the same round do not
        halve again; each shows that one more was too many.

        Args:
            began: when the request began.
            loading: the server is not ready at all, so that one request alone asks whether it is.
        """
        if began >= self._cut:
            if self.successes:  # before, the server may only be starting
                self._least = max(1.0, self._limit / 2)
                self._ceiling = max(self._least, min(self._limit, float(self._active)) - 1.0)
                self._limit = self._threshold = self._least
            self._cut = _now()
            self._overloads += 1
        else:
            self._ceiling = max(self._least, self._ceiling - 1.0)
            if wait is None:
                return
        self._limit = 1.0 if loading else min(self._limit, self._ceiling)
        self._round.clear()
        first = _BREAK_LOADING if loading else _BREAK
        self._pause(wait if wait is not None else min(_LONGEST_BREAK, first * 2.0**self._overloads))

    def faster(self, began: float) -> None:
        """After an answer: more requests once a round is answered; fewer if they take much longer."""
        took = _now() - began
        self.successes += 1
        self._overloads = 0
        self._first += [took] if len(self._first) < _FIRST else []
        usual = sum(self._first) / len(self._first)
        if took > max(_SLOWER * usual, usual + _SECONDS_SLOWER):
            self._limit = max(min(self._limit, 2.0), self._limit - 0.5)
            self._threshold = self._limit
            self._round.clear()
            return
        self._round.append(took)
        if len(self._round) >= self.limit:
            self._limit = min(float(self._most), self._limit + self._growth())
            self._round.clear()
            self._release()

    def _growth(self) -> float:
        """How many more requests after a round of answers."""
        # Were the server to work on one at a time, the answers would take longer in proportion.
        in_time = self._limit * self._patience / max(*self._round, 1e-3)
        slow = len(self._round) / _PROBE
        if self._limit >= self._ceiling or in_time < self._limit + 1:
            return slow
        step = 1.0
        if self._limit < self._threshold:
            step = max(step, float(len(self._waiting) // _SHARE))
        return min(step, max(slow, self._ceiling - self._limit), in_time - self._limit)

    async def _enter(self, urgent: bool) -> None:
        if self._free and not self._waiting:
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

    @property
    def _free(self) -> bool:
        return self._active < self.limit and self._break is None

    def _leave(self) -> None:
        self._active -= 1
        self._release()

    def _release(self) -> None:
        while self._waiting and self._free:
            waiter = self._waiting.popleft()
            if not waiter.cancelled():
                self._active += 1
                waiter.set_result(None)

    def _pause(self, seconds: float) -> None:
        """Send nothing for so long; a longer break that has begun stays."""
        if seconds <= self.rest:
            return
        if self._break is not None:
            self._break.cancel()
        self._break = asyncio.get_running_loop().call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._break = None
        self._release()


def _now() -> float:
    return asyncio.get_running_loop().time()
