"""Map over many images with several threads, in order, holding only a few results at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ordered_map(work: Callable[[T], R], inputs: Iterable[T], *, workers: int) -> Iterator[R]:
    """Results of `work` in the order of `inputs`, computed by `workers` threads.

    Threads and not processes: PIL and zlib decode without the interpreter lock, and nothing has to be copied.
    At most two results per worker wait unread, which bounds the memory.

    Raises:
        whatever `work` raises, when that input's turn comes.
    """
    if workers < 2:
        yield from map(work, inputs)
        return
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="images")
    try:
        for value in inputs:
            waiting.append(pool.submit(work, value))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
