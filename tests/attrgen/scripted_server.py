"""A server that speaks the OpenAI protocol on a real socket and answers by a script.

A script is a function from `Received` to a reply; `Server.script` replaces it at any time. The default,
`normal`, answers every request well, with texts that depend on nothing but the messages.

    python scripted_server.py PORT_FILE LATENCY     # in a process of its own, for benchmarks
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WORDS = """
round oval lobed branching star-shaped crescent-shaped ring-shaped wedge-shaped irregular ribbon-like
dark bright grey mottled pale shiny dull streaked speckled glowing
patch nodule band spot mass rim layer cluster strand shadow
smooth ragged blurred crisp spiky scalloped thick thin wavy broken
upper lower left right outer inner central lateral front rear
"""
GROUPS = [line.split() for line in WORDS.strip().splitlines()]


@dataclass(frozen=True)
class Received:
    """A request: its number (from 0), how often its messages came before, body, headers, moment.

    `path` has the query too; `active` is how many requests are in hand, this one included.
    """

    number: int
    repeats: int
    body: dict[str, Any]
    headers: dict[str, str]
    moment: float
    path: str = ""
    active: int = 1

    @property
    def mode(self) -> str:
        """Its structured-output mode."""
        return str(self.body.get("response_format", {}).get("type", "text"))

    @property
    def prompt(self) -> str:
        """All its messages."""
        return json.dumps(self.body["messages"])

    @property
    def question(self) -> str:
        """The first message of the user, without the form of the answer."""
        first = next(item for item in self.body["messages"] if item["role"] == "user")
        return str(first["content"]).split("\nAnswer with one JSON object")[0].rstrip()

    @property
    def count(self) -> int:
        """How many strings it asks for."""
        schema = self.body.get("response_format", {}).get("json_schema", {}).get("schema")
        if schema is not None:
            (value,) = schema["properties"].values()
            return int(value["minItems"])
        return int(re.findall(r"exactly (\d+) strings", self.prompt)[-1])


@dataclass(frozen=True)
class Reply:
    """What goes back: after `delay` seconds, a status with headers and a body."""

    body: str | bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay: float = 0.0


Script = Callable[[Received], Reply]


def texts(seed: str, count: int) -> list[str]:
    """Different visible findings that depend on `seed` alone."""
    number = int(hashlib.sha256(seed.encode()).hexdigest(), 16)
    actual: list[str] = []
    while len(actual) < count:
        number += 7919
        places = [number // 10**place % 10 for place in range(5)]
        words = [group[(place + len(actual)) % 10] for group, place in zip(GROUPS, places, strict=True)]
        shape, tone, thing, edge, place = words
        text = f"{shape} {tone} {thing} with {edge} edges in the {place} third of the picture"
        actual += [text] if text not in actual else []
    return actual


def completion(
    content: str | None, *, finish: str = "stop", refusal: str | None = None, model: str = "m-2026"
) -> str:
    """The JSON of a chat completion."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    return json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [choice],
            "usage": usage,
        }
    )


def answer(received: Received) -> str:
    """A good answer's text."""
    schema = received.body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    items = next(iter(schema.get("properties", {}).values()), {}).get("items", {})
    strings = (
        items["enum"][: received.count]
        if "enum" in items
        else texts(f"{received.question} {received.count}", received.count)
    )
    name = next(iter(schema.get("properties", {"attributes": 0})))
    return json.dumps({name: strings})


def normal(received: Received) -> Reply:
    """Answer well."""
    return Reply(completion(answer(received)))


def error(
    status: int, message: str = "no", headers: dict[str, str] | None = None, code: str | None = None
) -> Reply:
    """An error as OpenAI sends it."""
    return Reply(
        json.dumps({"error": {"message": message, "type": "x", "code": code}}), status, headers or {}
    )


class Server:
    """The server, in a thread of its own; use it in a `with` statement.

    `received` are all requests so far, `succeeded` the messages of those that were answered with 200;
    `latency` is added to each reply; `most` is how many it had in hand at once.
    """

    def __init__(self, script: Script = normal, latency: float = 0.0) -> None:
        self.script = script
        self.latency = latency
        self.received: list[Received] = []
        self.succeeded: list[str] = []
        self.most = 0
        self._active = 0
        self._seen: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Server:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in head[1:])
                }
                body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
                await self._reply(writer, body, headers, head[0].split(" ")[1])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _reply(
        self, writer: asyncio.StreamWriter, body: dict[str, Any], headers: dict[str, str], path: str
    ) -> None:
        prompt = json.dumps(body.get("messages"))
        repeats = self._seen.get(prompt, 0)
        self._seen[prompt] = repeats + 1
        self._active += 1
        moment = time.monotonic()
        received = Received(len(self.received), repeats, body, headers, moment, path, self._active)
        self.received.append(received)
        self.most = max(self.most, self._active)
        try:
            reply = self.script(received)
            await asyncio.sleep(self.latency + reply.delay)
        finally:
            self._active -= 1
        content = reply.body.encode() if isinstance(reply.body, str) else reply.body
        lines = [
            f"HTTP/1.1 {reply.status} X",
            f"content-type: {reply.content_type}",
            f"content-length: {len(content)}",
        ]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        await writer.drain()
        if reply.status == 200:
            self.succeeded.append(prompt)


if __name__ == "__main__":
    with Server(latency=float(sys.argv[2])) as server:
        Path(sys.argv[1]).write_text(server.url)
        sys.stdin.read()  # until the parent closes the pipe
