"""Workers of a sweep and Ctrl-C, which a terminal sends to all of them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from vr.training.sweep import local


@pytest.fixture
def worker() -> Iterator[None]:
    """This process as a worker."""
    before = signal.signal(signal.SIGINT, local._interrupt)
    yield
    signal.signal(signal.SIGINT, before)
    local._worker.stopped = False


def ctrl_c(*_: Any) -> str:
    os.kill(os.getpid(), signal.SIGINT)
    return "not interrupted"


def test_a_cell_that_runs_is_interrupted(worker: None) -> None:
    with pytest.raises(KeyboardInterrupt):
        local._interruptible(ctrl_c, None)  # type: ignore[arg-type]
    assert not local._worker.busy


def test_a_worker_that_waits_goes_on_and_runs_no_further_cell(worker: None) -> None:
    assert local._interruptible(lambda _: "done", None) == "done"  # type: ignore[arg-type]
    assert ctrl_c() == "not interrupted"  # it would be a traceback in the queue's code
    with pytest.raises(KeyboardInterrupt):
        local._interruptible(lambda _: "done", None)  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="the system cannot hold signals back")
def test_what_is_held_back_comes_at_the_end(worker: None) -> None:
    with local._held_interruptions():  # in this thread: the process may have others by now
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        assert not local._worker.stopped
    assert local._worker.stopped
