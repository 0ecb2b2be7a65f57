"""The one place that talks to a server, through the `openai` client with its own retries off."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from attrgen.core.day import today
from attrgen.llm.errors import Failed, Fatal, FormatRejected, Transient, from_status
from attrgen.llm.pace import Pace
from attrgen.llm.prompts import Prompts
from attrgen.llm.request import Answer, InvalidAnswer, Message, Request, Usage
from attrgen.llm.spending import Ledger

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from tenacity import RetryCallState

Structured = Literal["auto", "json_schema", "json_object", "text"]
LADDER = ("json_schema", "json_object", "text")
_LONGEST_REPEATED = 20_000  # characters of an invalid answer that are sent back


@dataclass(frozen=True)
class Server:
    """Where requests go. The key comes from the environment and is never shown, logged or stored."""

    base_url: str | None
    key: str | None = field(repr=False)

    @classmethod
    def from_environment(cls, base_url: str | None) -> Server | None:
        """The server at `base_url` (else OPENAI_BASE_URL, else OpenAI), or None with neither URL nor key."""
        url = base_url or os.environ.get("OPENAI_BASE_URL") or None
        key = os.environ.get("OPENAI_API_KEY") or None
        return cls(url, key) if url or key else None

    @property
    def shown(self) -> str:
        """Its address for messages, without a user name or password."""
        parts = urlsplit(self.base_url or "https://api.openai.com/v1")
        return f"{parts.scheme}://{(parts.netloc).rpartition('@')[2]}{parts.path}"

    def scrub(self, text: str) -> str:
        """`text` without the key."""
        return text.replace(self.key, "***") if self.key else text


@dataclass(frozen=True)
class Reply:
    """A completion as it came: text, or why there is none."""

    content: str
    refusal: str | None
    cut: bool
    resolved_model: str
    usage: Usage


class Client:
    """Asks until there is a valid answer, within bounds.

    Args:
        structured: `auto` starts with `json_schema` and steps down (`json_object` with the schema in the
            prompt, then plain text) when the server rejects it; anything else fixes the rung.
        concurrency: most requests in flight.
        retries: how often one request is sent again after a rate limit, 5xx, timeout or lost connection.
        repairs: how often an invalid answer is sent back with the reason.
        note: called with one line about each retry.
        timeout: seconds that one request may take.
    """

    def __init__(
        self,
        server: Server,
        prompts: Prompts,
        ledger: Ledger,
        *,
        structured: Structured = "auto",
        concurrency: int = 16,
        retries: int = 6,
        repairs: int = 3,
        timeout: float = 120.0,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._server = server
        self._prompts = prompts
        self._ledger = ledger
        self._fixed = structured != "auto"
        self._rung = LADDER[0] if structured == "auto" else structured
        self._proven: set[str] = set()
        self._retries = retries
        self._repairs = repairs
        self._timeout = timeout
        self._note = note
        self.concurrency = concurrency
        self._pace = Pace(concurrency)
        self._openai: AsyncOpenAI | None = None
        self._halt: Fatal | None = None

    async def ask(self, request: Request, kind: str, class_name: str) -> Answer:
        """A valid answer to `request`; its tokens are counted for `kind` and `class_name`.

        Raises:
            Failed: there is no valid answer, after all retries.
            Fatal: no request to this server can succeed, or this one might pass a spending limit.
        """
        conversation, why, code = request, "", ""
        for _ in range(self._repairs + 1):
            reply = await self._with_retries(conversation)
            try:
                items = _items(reply, request)
            except Refusal as refusal:
                conversation, why, code = request, str(refusal), "answer-refused"
            except InvalidAnswer as error:
                why, code = f"the answer is not valid: {error}", "answer-invalid"
                answered: Message = ("assistant", reply.content[:_LONGEST_REPEATED] or "(nothing)")
                conversation = request.followed_by(answered, ("user", self._complaint(request, str(error))))
            else:
                self._ledger.count(kind, class_name, reply.usage)
                return Answer(
                    items=tuple(items), resolved_model=reply.resolved_model, usage=reply.usage, date=today()
                )
            self._ledger.count(kind, class_name, reply.usage, wasted=True)
            self._ledger.retries["refused" if conversation is request else "invalid answer"] += 1
        raise Failed(f"{why} (asked {self._repairs + 1} times)", code=code)

    async def close(self) -> None:
        """Close the connections."""
        if self._openai is not None:
            await self._openai.close()

    async def _with_retries(self, request: Request) -> Reply:
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

        patience = AsyncRetrying(
            retry=retry_if_exception_type(Transient),
            stop=stop_after_attempt(self._retries + 1),
            wait=_pause,
            before_sleep=self._note_retry,
            reraise=True,
        )
        try:
            return await patience(self._once, request)
        except Transient as error:
            if not error.lost:
                what = f"{error} (asked {self._retries + 1} times)"
                raise Failed(what, code="server-unavailable") from error
            self._halt = Fatal(
                f"{self._server.shown} cannot be reached: {error}",
                code="server-unreachable",
                remedy="Check --base-url and the network. Answers so far are in the cache.",
            )
            raise self._halt from error
        except Fatal as error:
            self._halt = error
            raise

    async def _once(self, request: Request) -> Reply:
        """One attempt; steps down the ladder as far as the server needs it."""
        while True:
            async with self._pace.turn() as began:
                if self._halt is not None:
                    raise self._halt
                rung = self._rung
                reserved = self._ledger.reserve(request)
                try:
                    reply = await self._complete(request, rung)
                except Transient as error:
                    if error.busy:
                        self._pace.slower(began, error.wait)
                    raise
                except FormatRejected as error:
                    self._step_down(rung, error)
                    continue
                finally:
                    self._ledger.release(reserved)
                self._pace.faster()
                self._proven.add(rung)
                return reply

    def _step_down(self, rung: str, error: FormatRejected) -> None:
        if rung in self._proven:  # the mode works, so the server rejects this request for another reason
            raise Failed(
                f"the server rejects this request: {error}", code="server-rejects-request"
            ) from error
        if self._fixed or rung == LADDER[-1]:
            raise Fatal(
                f"{self._server.shown} rejects the request: {error}",
                code="server-rejects-request",
                remedy="Check --model, --structured and the sampling options.",
            ) from error
        if self._rung == rung:
            self._rung = LADDER[LADDER.index(rung) + 1]
            self._ledger.retries[f"{rung} rejected"] += 1
            self._note(f"the server rejects {rung}; trying {self._rung}")

    async def _complete(self, request: Request, rung: str) -> Reply:
        import openai

        if self._openai is None:
            self._openai = openai.AsyncOpenAI(
                api_key=self._server.key or "none",
                base_url=self._server.base_url,
                max_retries=0,
                timeout=self._timeout,
            )
        options: dict[str, Any] = request.sampling.given()
        if self._server.base_url is None and "max_tokens" in options:
            options["max_completion_tokens"] = options.pop("max_tokens")
        messages: Any = [{"role": role, "content": text} for role, text in request.messages]
        if rung == "json_schema":
            schema = {"name": request.format.field, "strict": True, "schema": request.format.json_schema()}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        else:
            form = self._prompts["answer_format"].render(_format_variables(request))
            messages[-1]["content"] += f"\n{form}"
            if rung == "json_object":
                options["response_format"] = {"type": "json_object"}
        try:
            completion = await self._openai.chat.completions.create(
                model=request.model, messages=messages, **options
            )
        except openai.APITimeoutError as error:
            raise Transient(f"no answer within {self._timeout:g} s") from error
        except openai.APIConnectionError as error:
            reason = self._server.scrub(str(error.__cause__ or error))
            raise Transient("connection lost", reason, lost=True) from error
        except openai.APIStatusError as error:
            raised = from_status(error, request.model, self._server.shown, self._server.scrub)
            raise raised from (None if isinstance(raised, Fatal) else error)
        except (openai.APIError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise Transient("the server's response is not JSON") from error
        return _reply(completion, request.model)

    def _complaint(self, request: Request, reason: str) -> str:
        return self._prompts["invalid_answer"].render({**_format_variables(request), "reason": reason})

    def _note_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Transient):
            self._ledger.retries[error.kind] += 1
        seconds = state.next_action.sleep if state.next_action else 0.0
        self._note(f"{self._server.scrub(str(error))}; again in {seconds:.1f} s")


class Refusal(Exception):
    """The model declines to answer."""


def _items(reply: Reply, request: Request) -> list[str]:
    if reply.refusal is not None:
        raise Refusal(f"the model refuses: {reply.refusal}")
    if reply.cut:
        raise InvalidAnswer("it was cut off at the token limit. Write more briefly.")
    return request.format.parse(reply.content)


def _reply(completion: Any, asked: str) -> Reply:
    """Read a completion with distrust: 'compatible' servers and proxies return anything with status 200."""
    choices = getattr(completion, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(choice, "message", None)
    if message is None:
        raise Transient("the server's response is no chat completion (is --base-url right?)")
    finish = getattr(choice, "finish_reason", None)
    content = message.content if isinstance(message.content, str) else ""
    refusal = getattr(message, "refusal", None)
    if finish == "content_filter":
        refusal = refusal or "stopped by a content filter"
    model = getattr(completion, "model", None)
    return Reply(
        content=content,
        refusal=" ".join(str(refusal).split())[:300] if refusal else None,
        cut=finish == "length",
        resolved_model=model if isinstance(model, str) and model else asked,
        usage=_usage(getattr(completion, "usage", None)),
    )


def _usage(counted: Any) -> Usage:
    def number(name: str) -> int:
        value = getattr(counted, name, 0)
        return value if isinstance(value, int) and value >= 0 else 0

    return Usage(prompt_tokens=number("prompt_tokens"), completion_tokens=number("completion_tokens"))


def _format_variables(request: Request) -> dict[str, Any]:
    form = request.format
    schema = json.dumps(form.json_schema(), ensure_ascii=False)
    return {"field": form.field, "count": form.count, "schema": schema}


def _pause(state: RetryCallState) -> float:
    """Seconds before the next attempt: never less than the server asked for; else doubling, with jitter."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Transient) and error.wait is not None:
        return error.wait + random.uniform(0, 0.1)
    return min(30.0, 0.5 * 2 ** (state.attempt_number - 1)) * random.uniform(0.75, 1.25)
