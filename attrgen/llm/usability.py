"""Whether it makes sense to go on asking a server."""

from __future__ import annotations

from attrgen.llm.errors import Failed, Fatal, Transient
from attrgen.llm.server import Server
from attrgen.llm.transport import unreachable, useless

_MOST_UNREADABLE = 3  # responses, and none a completion: this is hardly an LLM server's address
_MOST_GIVEN_UP = 3  # requests, and none answered: the others would fail as well


class Usability:
    """What all requests to a server have shown of it; after a fatal error none is sent.

    Attributes:
        answered: there was a completion.
    """

    def __init__(self, server: Server) -> None:
        self.answered = False
        self._server = server
        self._fatal: Fatal | None = None
        self._unreadable = self._given_up = 0  # before the first answer

    def check(self) -> None:
        """Raise the fatal error if there was one."""
        if self._fatal is not None:
            raise self._fatal

    def stop(self, error: Fatal) -> Fatal:
        """Send no further request: each raises that error."""
        self._fatal = error
        return error

    def unreadable(self) -> bool:
        """Count a response that is no completion; whether there were too many of them."""
        self._unreadable += not self.answered
        return self._unreadable == _MOST_UNREADABLE

    def given_up(self, error: Transient, attempts: int) -> Failed | Fatal:
        """The error of a request that was sent in vain so many times."""
        if error.lost:
            return self.stop(unreachable(self._server, error))
        self._given_up += not self.answered
        if self._given_up == _MOST_GIVEN_UP:
            return self.stop(useless(self._server, error))
        remedy = "Give the server more time with --timeout, or fewer requests with --concurrency 1."
        return Failed(
            f"{error} (asked {attempts} times)",
            code="server-unavailable",
            remedy=remedy if error.timed_out else "",
        )
