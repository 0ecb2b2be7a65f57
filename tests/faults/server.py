"""A server of its own process: it answers well, slowly or wrongly, as the name of the model asks for.

The model "good" gets good answers, "slow" late ones, and "lie-N" for any N wrong ones that N determines.
"""

from __future__ import annotations

import importlib.util
import json
import random
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

_asked: Counter[str] = Counter()  # how often a model was asked the same
HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202e\ud800\x00\r"


def _scripted_server() -> ModuleType:
    path = Path(__file__).parents[1] / "attrgen" / "scripted_server.py"
    spec = importlib.util.spec_from_file_location("scripted_server", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scripted_server"] = module
    spec.loader.exec_module(module)
    return module


def answered(received: Any, server: ModuleType, root: Path) -> Any:
    """The reply that the model's name asks for; a request without a body is for the archive of images."""
    if received.path == "/Toy.zip":
        return server.Reply((root / "Toy.zip").read_bytes(), content_type="application/zip")
    if "messages" not in received.body:
        return server.Reply(json.dumps({"data": [{"id": "good"}]}))
    model = str(received.body.get("model", ""))
    if model.startswith("lie-"):
        asked = f"{model} {received.prompt}"
        _asked[asked] += 1
        reply = _lie(received, server, random.Random(f"{asked} {_asked[asked]}"))
        body = reply.body if isinstance(reply.body, bytes) else reply.body.encode("utf-8", "surrogatepass")
        return server.Reply(body, reply.status, reply.headers, reply.content_type)
    reply = server.normal(received)
    if model == "slow":
        return server.Reply(reply.body, delay=0.3)
    return reply


def _lie(received: Any, server: ModuleType, draw: random.Random) -> Any:
    good = server.normal(received)
    hostile = json.dumps({"attributes": [HOSTILE + str(i) for i in range(received.count)]})
    return draw.choice(
        [
            good,
            server.Reply(good.body[: draw.randrange(len(good.body))]),
            server.Reply(server.completion(hostile)),
            server.Reply(server.completion(HOSTILE)),
            server.Reply(server.completion("[" * 3000)),
            server.Reply(server.completion(None)),
            server.Reply(server.completion("", finish="length")),
            server.Reply(b"\xff\xfe\x00" * 50),
            server.Reply(json.dumps({"choices": draw.choice([[], {}, None, 7, [[]], [{"message": 3}]])})),
            server.Reply(json.dumps([1, 2])),
            server.Reply("<html>" + HOSTILE, content_type="text/html"),
            server.Reply("no", draw.choice([400, 404, 413, 429, 500, 503, 302, 999]), {"retry-after": "0"}),
            server.Reply(json.dumps({"error": {"message": HOSTILE, "code": HOSTILE}}), 400),
            server.Reply(json.dumps({"error": {"message": "x" * 100_000}}), 500),
            server.Reply(good.body, headers={"content-encoding": "gzip"}),
        ]
    )


def main(address_file: Path, root: Path) -> None:
    """Serve until standard input ends."""
    server = _scripted_server()
    with server.Server(lambda received: answered(received, server, root), latency=0.005) as running:
        address_file.write_text(running.url)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
