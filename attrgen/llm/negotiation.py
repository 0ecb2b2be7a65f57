"""How one model is asked: what it accepts so far, and what changes after a rejection or a useless answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrgen.llm.capabilities import Capabilities, Memory
from attrgen.llm.errors import Failed, Fatal, Rejected
from attrgen.llm.server import Server

Structured = Literal["auto", "json_schema", "json_object", "text"]
_MAX_COMPLETION_TOKENS = ("//api.openai.com", ".openai.azure.com")
_REJECTS = "server-rejects-request"


class Negotiation:
    """What is known of one model while it is asked.

    Args:
        structured: the structured-output mode, or "auto" to find it out.
        memory: where it is remembered between builds.

    Attributes:
        capabilities: how requests are sent at the moment.
    """

    def __init__(
        self, server: Server, model: str, structured: Structured, memory: Memory | None = None
    ) -> None:
        self._server = server
        self._model = model
        self._fixed = structured != "auto"
        self._memory = memory
        remembered = None if memory is None else memory.get(server.id, model)
        self._remembered = remembered
        start = remembered or Capabilities()
        if remembered is None and any(host in server.address for host in _MAX_COMPLETION_TOKENS):
            start = start.model_copy(update={"token_limit": "max_completion_tokens"})
        if structured != "auto":
            start = start.model_copy(update={"structured": structured})
        self.capabilities = start
        self._tried = {start}
        self._accepted: set[Capabilities] = set() if remembered is None else {start}
        self._useful: set[str] = set() if remembered is None else {start.structured}
        self._errors = 0
        self._useless = 0

    def accepted(self, sent: Capabilities) -> None:
        """A request that was sent so was answered."""
        self._accepted.add(sent)

    def useful(self, sent: Capabilities) -> None:
        """An answer to such a request could be used."""
        self._useful.add(sent.structured)
        if self._memory is not None and not self._fixed and self.capabilities != self._remembered:
            self._remembered = self.capabilities
            self._memory.put(self._server.id, self._model, self.capabilities)

    def useless(self, sent: Capabilities) -> None:
        """An answer could not be used: after two, step down from a mode that never gave a useful one."""
        self._useless += self.capabilities == sent
        if not self._fixed and sent.structured not in self._useful and self._useless > 1:
            self._change(sent, sent.lower())
            self._useless = 0

    def cut_off(self, sent: Capabilities) -> None:
        """An answer was cut off at the token limit: ask for room for a longer one."""
        self._change(sent, sent.longer())

    def timed_out(self, sent: Capabilities) -> None:
        """There was no answer in time, and perhaps never would be: ask for a shorter one."""
        self._change(sent, sent.shorter())

    def failed(self, sent: Capabilities) -> bool:
        """After an error 500: step down from a mode that never worked and may be the reason, else False."""
        self._errors += 1
        lower = sent.lower()
        if self._errors < 2 or self._fixed or sent in self._accepted or lower is None:
            return False
        self._change(sent, lower)
        return True

    def rejected(self, sent: Capabilities, body: Mapping[str, Any], error: Rejected) -> Capabilities | None:
        """Change what is sent after a rejection; None where another request has changed it already.

        Raises:
            Failed, Fatal: nothing helps.
        """
        if self.capabilities != sent:
            return None
        proven = sent in self._accepted
        changed = sent.adapted(body, error.words, fixed=self._fixed, proven=proven)
        if changed is not None and changed not in self._tried:
            self._change(sent, changed)
            return changed
        if proven and isinstance(error.otherwise, Fatal) and error.otherwise.code == _REJECTS:
            # This way of asking works, so the server rejects this request for another reason.
            raise Failed(error.otherwise.what, code=_REJECTS, remedy=error.otherwise.remedy) from None
        raise error.otherwise from None

    def _change(self, sent: Capabilities, changed: Capabilities | None) -> None:
        if changed is not None and self.capabilities == sent:
            self.capabilities = changed
            self._tried.add(changed)
