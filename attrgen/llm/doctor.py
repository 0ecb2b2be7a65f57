"""`attrgen doctor`: a few small requests that show what a server can do, and what to set for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from attrgen.core.names import did_you_mean
from attrgen.llm.capabilities import Capabilities, Memory
from attrgen.llm.client import Client
from attrgen.llm.errors import Failed, Fatal, Rejected, Transient
from attrgen.llm.prompts import Prompts
from attrgen.llm.repair import read
from attrgen.llm.request import Answer, ListFormat, Request, Sampling
from attrgen.llm.server import Server
from attrgen.llm.spending import Ledger
from attrgen.llm.transport import Log, Transport, body_of

_COUNT = 3
_AT_ONCE = 4
_NOTICEABLE = 5.0  # seconds
_MODELS_SHOWN = 8
_QUESTIONS = (
    "Write 3 short visual descriptions of a ripe lemon.",
    "Write 3 short visual descriptions of a brick wall.",
    "Write 3 short visual descriptions of a pine tree.",
    "Write 3 short visual descriptions of a wooden chair.",
)


@dataclass
class Diagnosis:
    """What was found out.

    Attributes:
        error: why the server gave no usable answer, or None.
        enforced: whether it keeps to a schema that the prompt does not mention; None where it accepts none.
        seconds: one request alone.
        seconds_at_once: four at the same time, until the last is answered; None where that failed.
    """

    server: Server
    model: str
    models: list[str] = field(default_factory=list)
    error: Failed | Fatal | None = None
    answer: Answer | None = None
    capabilities: Capabilities = field(default_factory=Capabilities)
    enforced: bool | None = None
    seconds: float = 0.0
    seconds_at_once: float | None = None
    requests: int = 0

    @property
    def slowdown(self) -> float | None:
        """How many times longer four requests at once take than one."""
        return None if self.seconds_at_once is None else self.seconds_at_once / max(self.seconds, 1e-3)

    @property
    def advice(self) -> list[str]:
        """Options that a build should be given; what is remembered needs none."""
        if self.error is not None:
            return []
        options = []
        waited = self.seconds_at_once or 0.0
        if self.slowdown is not None and self.slowdown > 0.75 * _AT_ONCE and waited > _NOTICEABLE:
            options.append("--concurrency 1")
        slowest = max(self.seconds, waited) * 4  # lists have ten texts, not three
        if slowest > 100:
            options.append(f"--timeout {round(slowest * 3, -2):.0f}")
        return options

    def lines(self) -> Iterator[str]:
        """What `attrgen doctor` prints."""
        shown = ", ".join(self.models[:_MODELS_SHOWN]) + (", …" if len(self.models) > _MODELS_SHOWN else "")
        yield f"server      {self.server.shown}"
        yield f"models      {shown or 'the server lists none'}"
        if self.error is not None:
            near = did_you_mean(self.model, self.models) if self.models else ""
            yield f"error       {self.error} {near}".rstrip()
            return
        assert self.answer is not None
        yield f"model       {self.model}, answers as {self.answer.resolved_model}"
        kept = {True: ", kept to", False: ", but ignored: the prompt describes the form", None: ""}
        yield f"structured  {self.capabilities.structured}{kept[self.enforced]}"
        yield f"options     {', '.join(self._options())}"
        estimated = "not counted: attrgen estimates them" if self.answer.usage.estimated else "counted"
        yield f"tokens      {estimated}"
        many = "failed" if self.slowdown is None else f"{self.slowdown:.1f} times as long as one"
        yield f"speed       {self.seconds:.1f} s per request; {_AT_ONCE} at once take {many}"
        yield f"requests    {self.requests}; what the server accepts is remembered for 30 days"
        yield f"set         {' '.join(self.advice) or 'nothing: the defaults are right'}"

    def _options(self) -> Iterator[str]:
        for name in ("temperature", "seed"):
            yield name if getattr(self.capabilities, name) else f"no {name}"
        yield self.capabilities.token_limit
        yield "system message" if self.capabilities.system else "no system message"
        if self.capabilities.stream:
            yield "streaming only"


def diagnose(
    server: Server,
    model: str,
    prompts: Prompts,
    memory: Memory,
    *,
    timeout: float = 120.0,
    time_limit: float = 300.0,
    log: Log | None = None,
) -> Diagnosis:
    """Ask a server a few small questions; what it accepts is remembered anew.

    Args:
        timeout: seconds that one request may take.
        time_limit: seconds that all of them may take.
    """
    memory.forget(server.id, model)
    return asyncio.run(_diagnose(server, model, prompts, memory, timeout, time_limit, log))


async def _diagnose(
    server: Server,
    model: str,
    prompts: Prompts,
    memory: Memory,
    timeout: float,
    time_limit: float,
    log: Log | None,
) -> Diagnosis:
    ledger = Ledger()
    client = Client(
        server,
        prompts,
        ledger,
        concurrency=_AT_ONCE,
        start=_AT_ONCE,
        retries=2,
        repairs=2,
        timeout=timeout,
        memory=memory,
        log=log,
    )
    transport = Transport(server, prompts, timeout, log)
    result = Diagnosis(server, model)
    try:
        async with asyncio.timeout(time_limit):
            await _examine(result, client, transport)
    except TimeoutError:
        result.error = Failed(
            f"not done after {time_limit:g} s ({ledger.requests} requests were answered)",
            code="doctor-time-limit",
            remedy="The server is busy, or the model too large for it. Give it more time with --time-limit.",
        )
    except (Failed, Fatal) as error:
        result.error = error
    finally:
        await client.close()
        await transport.close()
    result.requests = ledger.requests + sum(ledger.retries.values()) + 1
    return result


async def _examine(result: Diagnosis, client: Client, transport: Transport) -> None:
    """Ask all questions; what was found out stays in `result`, also where one fails."""
    model = result.model
    result.models = await transport.models()
    await _ask(client, model, 0, Sampling(temperature=0.5, seed=1, max_tokens=2000))
    began = time.monotonic()
    result.answer = await _ask(client, model, 1)
    result.seconds = time.monotonic() - began
    result.capabilities = client.capabilities(model)
    result.enforced = await _enforced(transport, model, result.capabilities)
    result.seconds_at_once = await _at_once(client, model)


def _request(model: str, question: int, sampling: Sampling) -> Request:
    messages = (("system", "You describe what things look like."), ("user", _QUESTIONS[question]))
    form = ListFormat(field="attributes", count=_COUNT)
    return Request(model=model, messages=messages, format=form, sampling=sampling)


async def _ask(client: Client, model: str, question: int, sampling: Sampling | None = None) -> Answer:
    return await client.ask(_request(model, question, sampling or Sampling()), "doctor", "doctor")


async def _enforced(transport: Transport, model: str, capabilities: Capabilities) -> bool | None:
    """Whether the server keeps to a schema that the prompt does not mention."""
    if capabilities.structured != "json_schema":
        return None
    body = body_of(_request(model, 2, Sampling()), capabilities, "")
    try:
        reply = await transport.send(body, model)
    except (Transient, Rejected):
        return None
    return not read(reply.content, "attributes", _COUNT).problem and reply.content.lstrip().startswith("{")


async def _at_once(client: Client, model: str) -> float | None:
    began = time.monotonic()
    sampling = Sampling(max_tokens=1000)
    try:
        await asyncio.gather(*(_ask(client, model, number, sampling) for number in range(_AT_ONCE)))
    except Failed:
        return None
    return time.monotonic() - began
