"""Asks a server until there is a usable answer, within bounds, in the way that the server accepts."""

from __future__ import annotations

import asyncio
import copy
import json
import random
from collections.abc import Callable

from attrgen.core.day import today
from attrgen.core.json_lines import loads
from attrgen.llm.capabilities import Capabilities, Memory
from attrgen.llm.errors import Failed, Fatal, Rejected, Transient
from attrgen.llm.gathered import Gathered, is_runaway
from attrgen.llm.negotiation import Negotiation, Structured
from attrgen.llm.pace import Pace
from attrgen.llm.prompts import Prompts
from attrgen.llm.repair import Reading, read
from attrgen.llm.reply import Reply
from attrgen.llm.request import Answer, Message, Origin, Request, Usage
from attrgen.llm.server import Server
from attrgen.llm.spending import CHARACTERS_PER_TOKEN, Ledger
from attrgen.llm.transport import Log, Transport, format_variables, useless
from attrgen.llm.usability import Usability

_LONGEST_REPEATED = 20_000  # characters of an invalid answer that are sent back
_LONGEST_QUOTED = 120  # characters of an invalid answer that a message quotes
_SHORTEST_NOTED = 0.05  # seconds
_LONGEST_LOADING = 900.0  # seconds that a server may need to load its model

__all__ = ["Client", "Server", "Structured"]


class Client:
    """Asks until there is a usable answer, within bounds.

    Args:
        structured: `auto` starts with `json_schema` and steps down (`json_object`, then plain text) when the
            server rejects it; anything else fixes the mode.
        concurrency: most requests in flight.
        start: requests in flight before the first answer.
        retries: how often one request is sent again after a rate limit, 5xx, timeout or lost connection.
        repairs: how often an answer that is invalid or incomplete is sent back with the reason.
        timeout: seconds that one request may take.
        note: called with one line about each retry.
        memory: where capabilities of servers are remembered; None forgets them with the client.
        log: called with each request and its raw answer.
    """

    def __init__(
        self,
        server: Server,
        prompts: Prompts,
        ledger: Ledger,
        *,
        structured: Structured = "auto",
        concurrency: int = 16,
        start: int = 1,
        retries: int = 6,
        repairs: int = 3,
        timeout: float = 120.0,
        note: Callable[[str], None] = lambda text: None,
        memory: Memory | None = None,
        log: Log | None = None,
    ) -> None:
        self.server = server
        self.concurrency = concurrency
        self._prompts = prompts
        self._ledger = ledger
        self._structured = structured
        self._retries = retries
        self._repairs = repairs
        self._note = note
        self._memory = memory
        self._transport = Transport(server, prompts, timeout, log)
        self._pace = Pace(concurrency, timeout, start=start)
        self._models: dict[str, Negotiation] = {}
        self._usability = Usability(server)

    def sharing(self, ledger: Ledger, note: Callable[[str], None]) -> Client:
        """A client that counts in another ledger. The server is asked by all such clients together: they
        share connections, pace, what is known of its models, and the error after which it is asked no more.
        """
        other = copy.copy(self)
        other._ledger, other._note = ledger, note
        return other

    async def ask(
        self,
        request: Request,
        kind: str,
        class_name: str,
        known: tuple[str, ...] = (),
        enough: int | None = None,
    ) -> Answer:
        """A usable answer to `request`; its tokens are counted for `kind` and `class_name`.

        Where the model gives fewer strings than asked for to the end, the answer is marked incomplete.

        Args:
            known: strings that an incomplete answer gave before; only the others are asked for.
            enough: with so many strings no more are asked for; all of them where not given.

        Raises:
            Failed: there is no usable answer, after all retries.
            Fatal: no request to this server can succeed, or this one might pass a spending limit.
        """
        way = self._way(request.model)
        gathered = Gathered(request, list(known), enough or request.format.count)
        conversation = self._top_up(gathered, "") if known else request
        for attempt in range(self._repairs + 1):
            try:
                capabilities, reply = await self._with_retries(conversation, way)
            except Failed:
                if gathered.last is None or not gathered.items:
                    raise
                break
            gathered.last = (reply, capabilities)
            usage = self._usage_of(reply, conversation)
            conversation, wasted = self._take(gathered, reply, conversation)
            gathered.usage = gathered.usage if wasted else gathered.usage + usage
            self._ledger.count(kind, class_name, usage, wasted=wasted)
            _learn(way, capabilities, reply, wasted=wasted)
            if gathered.is_enough or gathered.hopeless or attempt == self._repairs:
                break
            retried = "refused" if reply.refusal else "invalid answer" if wasted else "incomplete answer"
            self._ledger.retried(retried)
        if gathered.items:
            await asyncio.sleep(
                0
            )  # the next request is sent before this answer is checked, which takes a while
            return self._answer(gathered)
        raise Failed(f"{gathered.why} (asked {attempt + 1} times)", code=gathered.code, remedy=_REMEDY)

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model by now."""
        return self._way(model).capabilities

    def stop(self, error: Fatal) -> None:
        """Send no further request: each raises that error."""
        self._usability.stop(error)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    def _take(self, gathered: Gathered, reply: Reply, asked: Request) -> tuple[Request, bool]:
        """Add a reply's strings; gives the request for what is then missing, and whether it was no use."""
        if reply.refusal is not None:
            gathered.why, gathered.code = f"the model refuses: {reply.refusal}", "answer-refused"
            gathered.refusals += 1
            return asked, True
        reading = _read(reply, gathered)
        new = gathered.add(reading.items)
        gathered.raw.append(self.server.scrub_answer(reply.content or reply.reasoning)[:_LONGEST_REPEATED])
        reason = reading.problem
        if reply.cut:
            reason = f"it was cut off at the token limit. Write more briefly. {reason}"
        if gathered.items:
            gathered.fruitless += not new
            return self._top_up(gathered, reason), not new
        words = " ".join(gathered.raw[-1].split())[:_LONGEST_QUOTED]
        gathered.why = f"the answer is not valid: {reason}" + (f" It begins: {words}" if words else "")
        gathered.code = "answer-cut-off" if reply.cut else "answer-invalid"
        answered: Message = ("assistant", reply.content[:_LONGEST_REPEATED] or "(nothing)")
        complaint = self._prompts["invalid_answer"].render(
            {**format_variables(gathered.request), "reason": reason}
        )
        return gathered.request.followed_by(answered, ("user", complaint)), True

    def _top_up(self, gathered: Gathered, reason: str) -> Request:
        """The request for the strings that are missing."""
        form = gathered.request.format
        answered = json.dumps({form.field: gathered.items}, ensure_ascii=False)
        values = {"missing": gathered.missing, "items": gathered.items, "reason": reason}
        question = self._prompts["top_up"].render(values)
        return gathered.request.followed_by(
            ("assistant", answered), ("user", question), count=gathered.missing
        )

    def _answer(self, gathered: Gathered) -> Answer:
        assert gathered.last is not None
        reply, capabilities = gathered.last
        given = gathered.request.sampling.given()
        left_out = tuple(
            name for name in ("temperature", "seed") if name in given and not getattr(capabilities, name)
        )
        plain = json.dumps({gathered.request.format.field: gathered.items})
        scrub = self.server.scrub_answer
        same = len(gathered.raw) == 1 and _same_json(gathered.raw[0], plain)
        return Answer(
            items=tuple(scrub(item) for item in gathered.items),
            resolved_model=scrub(reply.model or gathered.request.model),
            usage=gathered.usage,
            date=today(),
            incomplete=True if gathered.missing else None,
            origin=Origin(
                server=self.server.public,
                fingerprint=None if reply.fingerprint is None else scrub(reply.fingerprint),
                structured=capabilities.structured,
                answer_format=self._prompts["answer_format"].sha256,
                left_out=left_out or None,
                answer_tokens=None if "max_tokens" in given else capabilities.answer_tokens,
            ),
            raw=None if same else tuple(gathered.raw),
        )

    def _usage_of(self, reply: Reply, request: Request) -> Usage:
        """The tokens of a reply; an estimate by its length where the server does not say."""
        if reply.usage is not None:
            return reply.usage
        prompt = sum(len(text) for _, text in request.messages) // CHARACTERS_PER_TOKEN
        completion = len(reply.content + reply.reasoning) // CHARACTERS_PER_TOKEN
        return Usage(prompt_tokens=prompt, completion_tokens=completion, estimated=prompt + completion)

    def _way(self, model: str) -> Negotiation:
        if model not in self._models:
            self._models[model] = Negotiation(self.server, model, self._structured, self._memory)
        return self._models[model]

    async def _with_retries(self, request: Request, way: Negotiation) -> tuple[Capabilities, Reply]:
        clock = asyncio.get_running_loop().time
        began, attempt = clock(), 0
        while True:
            successes = self._pace.successes
            try:
                urgent = attempt > 0 or len(request.messages) > 2  # so that lists are finished early
                return await self._once(request, way, urgent)
            except Fatal as error:
                self._usability.stop(error)
                raise
            except Transient as error:
                # An overload is no failure of this request as long as the server answers others.
                progress = error.busy and not error.timed_out and self._pace.successes > successes
                attempt = 1 if progress else attempt + 1
                loading = error.loading and clock() - began < _LONGEST_LOADING
                if attempt > self._retries and not loading:
                    raise self._usability.given_up(error, attempt) from error
                if error.unreadable and self._usability.unreadable():
                    raise self._usability.stop(useless(self.server, error)) from error
                await self._rest(error, attempt)

    def _waits_together(self, error: Transient) -> bool:
        """Whether all requests wait: the server has too much to do, or is not there yet."""
        return error.busy or (error.lost and not self._usability.answered)

    async def _rest(self, error: Transient, attempt: int) -> None:
        self._ledger.retried(error.kind)
        together = self._waits_together(error)
        seconds = self._pace.rest if together else _pause(error, attempt)
        again = f"again in {seconds:.1f} s" if seconds >= _SHORTEST_NOTED else "asking again"
        self._note(f"{self.server.scrub(str(error))}; {again}")
        if not together:  # else the pace does, for all requests
            await asyncio.sleep(seconds)

    async def _once(self, request: Request, way: Negotiation, urgent: bool) -> tuple[Capabilities, Reply]:
        """One attempt; changes the form of the request as far as the server needs it."""
        while True:
            async with self._pace.turn(urgent=urgent) as began:
                self._usability.check()
                capabilities = way.capabilities
                reserved = self._ledger.reserve(request)
                body = self._transport.body(request, capabilities)
                try:
                    reply = await self._transport.send(body, request.model)
                except Transient as error:
                    if error.timed_out:
                        way.timed_out(capabilities)
                    if self._waits_together(error):
                        self._pace.slower(began, error.wait, loading=error.loading)
                    if error.kind != "500" or not way.failed(capabilities):
                        raise
                except Rejected as error:
                    self._adapt(way, capabilities, body, error)
                else:
                    self._pace.faster(began)
                    self._usability.answered = True
                    way.accepted(capabilities)
                    return capabilities, reply
                finally:
                    self._ledger.release(reserved)

    def _adapt(self, way: Negotiation, sent: Capabilities, body: dict[str, object], error: Rejected) -> None:
        """Ask in another way after a rejection.

        Raises:
            Failed, Fatal: nothing helps.
        """
        changed = way.rejected(sent, body, error)
        if changed is not None:
            mode = changed.structured != sent.structured
            self._ledger.retried(f"{sent.structured} rejected" if mode else "option rejected")
            differences = ", ".join(changed.differences()) or "the other options"
            self._note(f"the server rejects the request ({error.words[:160]}); trying with {differences}")


_REMEDY = "Run the same again to ask anew, choose another --model, or read the answers with --log FILE."


def _learn(way: Negotiation, sent: Capabilities, reply: Reply, *, wasted: bool) -> None:
    """What a reply says about the way in which it was asked for."""
    if reply.cut:
        if not is_runaway(reply.content):
            way.cut_off(sent)
    elif not wasted:
        way.useful(sent)
    elif reply.refusal is None:
        way.useless(sent)


def _read(reply: Reply, gathered: Gathered) -> Reading:
    """The strings of a reply; of its thoughts where it has nothing else."""
    form = gathered.request.format
    reading = read(reply.content, form.field, gathered.missing, form.choices)
    if not reading.items and reply.reasoning:
        thoughts = read(reply.reasoning, form.field, gathered.missing, form.choices)
        return thoughts if thoughts.items and not thoughts.problem else reading
    return reading


def _same_json(raw: str, plain: str) -> bool:
    try:
        return bool(loads(raw) == loads(plain))
    except ValueError:
        return False


def _pause(error: Transient, attempt: int) -> float:
    """Seconds before the next attempt: as many as the server asks for, else doubling, with jitter."""
    if error.wait is not None:
        return error.wait
    return min(30.0, 0.5 * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25)
