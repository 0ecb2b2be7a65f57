"""How many requests are in flight, in simulated time."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest

from attrgen.llm.pace import Pace


class Clock(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        scheduled = self._scheduled  # type: ignore[attr-defined]
        if not self._ready and scheduled:  # type: ignore[attr-defined]
            heapq.heapify(scheduled)
            self.now = max(self.now, scheduled[0]._when)
        super()._run_once()  # type: ignore[misc]


def simulated(coroutine: Callable[[], Coroutine[Any, Any, None]]) -> float:
    """The seconds that it takes."""
    loop = Clock()
    try:
        loop.run_until_complete(coroutine())
        return loop.now
    finally:
        loop.close()


def many(pace: Pace, number: int, serve: Callable[[], Coroutine[Any, Any, None]]) -> float:
    async def one() -> None:
        async with pace.turn() as began:
            await serve()
        pace.faster(began)

    async def run() -> None:
        await asyncio.gather(*(one() for _ in range(number)))

    return simulated(run)


def test_a_fast_server_is_soon_used_to_the_full() -> None:
    pace = Pace(16)

    async def serve() -> None:
        await asyncio.sleep(0.2)

    assert many(pace, 400, serve) <= 1.15 * 400 / 16 * 0.2
    assert pace.limit == 16


def test_a_server_with_one_worker_gets_few_at_once() -> None:
    pace, worker, waits = Pace(16), asyncio.Semaphore(1), []

    async def serve() -> None:
        began = asyncio.get_running_loop().time()
        async with worker:
            await asyncio.sleep(3)
        waits.append(asyncio.get_running_loop().time() - began)

    assert many(pace, 80, serve) == pytest.approx(240)
    assert max(waits) <= 30 and max(waits[40:]) <= 15


def test_overload_halves_and_pauses() -> None:
    async def run() -> None:
        pace = Pace(8, start=8)
        for _ in range(10):
            async with pace.turn() as began:
                pass
            pace.faster(began)
        assert pace.limit == 8
        async with pace.turn() as began, pace.turn() as other:
            await asyncio.sleep(0.1)
            pace.slower(began, 2.0)
            pace.slower(other, 2.0)  # it began before the cut
        assert pace.limit == 4
        loop = asyncio.get_running_loop()
        before = loop.time()
        async with pace.turn() as began:
            assert began - before >= 2.0

    simulated(run)


def test_breaks_without_a_hint_grow_and_end_with_an_answer() -> None:
    async def run() -> None:
        pace, starts = Pace(4), []
        for _ in range(4):
            async with pace.turn() as began:
                starts.append(began)
                pace.slower(began, None)
        gaps = [after - before for before, after in pairwise(starts)]
        assert gaps == sorted(gaps) and gaps[-1] == 4 * gaps[0]
        async with pace.turn() as began:
            pace.faster(began)
        async with pace.turn() as began:
            pace.slower(began, None)
        start = asyncio.get_running_loop().time()
        async with pace.turn() as began:
            assert began - start == pytest.approx(gaps[0])

    simulated(run)


def test_urgent_requests_go_first() -> None:
    order: list[str] = []

    async def run() -> None:
        pace = Pace(1)

        async def one(name: str, urgent: bool) -> None:
            async with pace.turn(urgent=urgent):
                order.append(name)
                await asyncio.sleep(1)

        await asyncio.gather(one("first", False), one("second", False), one("urgent", True))

    simulated(run)
    assert order == ["first", "urgent", "second"]


def test_a_cancelled_request_gives_its_turn_back() -> None:
    async def run() -> None:
        pace = Pace(1)

        async def one() -> None:
            async with pace.turn():
                await asyncio.sleep(1)

        tasks = [asyncio.create_task(one()) for _ in range(3)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()
        await asyncio.sleep(0.6)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait_for(one(), 5)

    simulated(run)


def test_a_first_answer_that_was_nearly_too_late_is_followed_by_one_at_a_time() -> None:
    pace, worker, waits = Pace(16, timeout=120), asyncio.Semaphore(1), []

    async def serve() -> None:
        began = asyncio.get_running_loop().time()
        async with worker:
            await asyncio.sleep(61)
        waits.append(asyncio.get_running_loop().time() - began)

    many(pace, 10, serve)
    assert max(waits) == 61 and pace.limit == 1


class Overloaded(Exception):
    pass


def retried(
    pace: Pace, number: int, serve: Callable[[], Coroutine[Any, Any, None]], wait: float | None
) -> int:
    """How many requests are rejected until `number` are answered, each asked again as often as needed."""
    rejected = 0

    async def one() -> None:
        nonlocal rejected
        urgent = False
        while True:
            async with pace.turn(urgent=urgent) as began:
                try:
                    await serve()
                except Overloaded:
                    rejected += 1
                    pace.slower(began, wait)
                else:
                    pace.faster(began)
                    return
            urgent = True

    async def run() -> None:
        await asyncio.gather(*(one() for _ in range(number)))

    simulated(run)
    return rejected


@pytest.mark.parametrize("wait", [None, 1.0])
@pytest.mark.parametrize("late", [0.0, 0.2])
@pytest.mark.parametrize("capacity", range(1, 17))
def test_a_limit_of_the_server_costs_few_requests(capacity: int, late: float, wait: float | None) -> None:
    active = 0

    async def serve() -> None:
        nonlocal active
        active += 1
        try:
            excess = active > capacity
            await asyncio.sleep(late if excess else 0.2)
            if excess:
                raise Overloaded
        finally:
            active -= 1

    assert retried(Pace(16), 20, serve, wait) <= 2
    active = 0
    rejected = retried(Pace(16), 400, serve, wait)
    assert rejected <= 0.1 * (400 + rejected)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0, 4.0])
def test_a_server_with_one_worker_is_not_asked_for_more_than_it_can_do_in_time(seconds: float) -> None:
    worker = asyncio.Semaphore(1)

    async def work() -> None:
        async with worker:
            await asyncio.sleep(seconds)

    async def serve() -> None:
        try:
            await asyncio.wait_for(work(), 5)
        except TimeoutError:
            raise Overloaded from None

    assert retried(Pace(16, timeout=5), 20, serve, None) <= 1


def test_a_loading_server_is_asked_by_one_request_at_a_time() -> None:
    asked: list[float] = []

    async def run() -> None:
        pace = Pace(8, start=8)

        async def one() -> None:
            while True:
                async with pace.turn(urgent=True) as began:
                    asked.append(began)
                    await asyncio.sleep(0.1)
                    if began > 20:
                        pace.faster(began)
                        return
                    pace.slower(began, None, loading=True)

        await asyncio.gather(*(one() for _ in range(8)))

    simulated(run)
    before = [moment for moment in asked if moment <= 20]
    assert before[:8] == [0.0] * 8
    gaps = [after - earlier for earlier, after in pairwise(before[7:])]
    assert gaps == pytest.approx([2.1, 4.1, 8.1])
