"""A Ray cluster from outside, by `ray://HOST:PORT`: whether it answers, and work that must run inside."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from attrgen.core.errors import UserError
from vr.runtime.surroundings import Surroundings

T = TypeVar("T")
Progress = Callable[[int], None]  # how many more are done

SCHEME = "ray://"
_DEFAULT_PORT = 10001
_ADDRESS = re.compile(r"ray://(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+)(?::(\d{1,5}))?/?")
_SECONDS_TO_ANSWER = 5.0
_SECONDS_PER_LOOK = 0.5


def require_answer(address: str) -> None:
    """Check that something listens at an address; Ray itself would try for half a minute.

    Raises:
        UserError: it is no address of this form, or nothing listens there.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[2] or 0) > 65535:
        raise UserError(
            f"'{address}' is no address of a Ray cluster",
            code="ray-address",
            remedy=f"Write ray://HOST:{_DEFAULT_PORT}, with the port of its client server.",
        )
    try:
        _connect(match[1].strip("[]"), int(match[2] or _DEFAULT_PORT))
    except (OSError, UnicodeError) as error:  # UnicodeError: of a host that is no name
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"the Ray cluster cannot be reached: {reason}",
            code="ray-unreachable",
            file=address,
            remedy="Check the host, and the port: `ray start --head` opens 10001 for this, unless it is "
            "given another --ray-client-server-port. On a node of the cluster, --on ray needs no port.",
        ) from error


def _connect(host: str, port: int) -> None:
    """Connect once. A cluster that was just started refuses for some seconds."""
    until = time.monotonic() + _SECONDS_TO_ANSWER
    while True:
        try:
            socket.create_connection((host, port), timeout=_SECONDS_TO_ANSWER).close()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(_SECONDS_PER_LOOK)
        else:
            return


def is_outside() -> bool:
    """Whether this process is connected to a cluster from outside."""
    from ray.util.client import ray as client

    return bool(client.is_connected())


class _Inside(Generic[T]):
    """The actor that does the work, and meanwhile says how far it is."""

    def __init__(self, surroundings: Surroundings) -> None:
        surroundings.enter()
        self._done = 0

    def run(self, work: Callable[[Progress], T]) -> T | UserError:
        """What the work returns, or the user's error that ended it."""
        try:
            return work(self._count)
        except UserError as error:
            return error

    def done(self) -> int:
        """How many are done."""
        return self._done

    def _count(self, more: int) -> None:
        self._done += more


def run_inside(ray: Any, work: Callable[[Progress], T], progress: Progress) -> T:
    """Call `work` in a process of the cluster, for what cannot be done from outside, such as Ray Data.

    Args:
        work: a function of the package, with arguments that can be sent; it gets its own `progress`.

    Raises:
        UserError: what `work` raised.
        RayError: the process or its node died, or `work` raised another error.
    """
    actor = ray.remote(num_cpus=0, max_concurrency=2)(_Inside).remote(Surroundings.here())
    result, seen = actor.run.remote(work), 0
    ready: list[Any] = []
    try:
        while not ready:
            ready, _ = ray.wait([result], timeout=_SECONDS_PER_LOOK)
            done = ray.get(actor.done.remote())
            progress(done - seen)
            seen = done
        outcome: T | UserError = ray.get(result)
        if isinstance(outcome, UserError):
            raise outcome
        return outcome
    finally:
        ray.kill(actor)
