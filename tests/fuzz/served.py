"""What a server sends: whole responses as files, and the commands that get them."""

from __future__ import annotations

import importlib.util
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

_LONGEST_REQUEST = 2**20  # bytes
_LONGEST_PAUSE = 0.001  # seconds for which a command may sleep before it tries again


def build() -> None:
    """Ask the server for attributes."""
    from attrgen.cli import app

    with _served() as url:
        words = ["build", "--dataset", "lumps.toml", "--model", "tiny", "--base-url", f"{url}/v1"]
        words += ["--kinds", "descriptive", "--descriptive", "3", "--retries", "0", "--timeout", "5"]
        sys.argv = ["attrgen", *words, "--out", "built.json", "--cache", "new"]
        app()


def doctor() -> None:
    """Find out what the server can do."""
    from attrgen.cli import app

    with _served() as url:
        words = [
            "doctor",
            "--model",
            "tiny",
            "--base-url",
            f"{url}/v1",
            "--cache",
            "new",
            "--log",
            "log.jsonl",
        ]
        sys.argv = ["attrgen", *words, "--time-limit", "20"]
        app()


def pull() -> None:
    """Get a set from the hub."""
    from attrgen.cli import app

    with _served():
        sys.argv = ["attrgen", "pull", "me/sets", "--out", "pulled.json"]
        app()


def push() -> None:
    """Send a run to the hub."""
    from vr.cli import app

    with _served():
        sys.argv = ["vr", "push", "run", "me/model"]
        app()


def download() -> None:
    """Get the images of a card from a server."""
    with _served() as url:
        _download(f"{url}/toy.zip")


def download_from_hub() -> None:
    """Get the images of a card from the hub."""
    with _served():
        _download("hub:datasets/me/sets/toy.zip")


def backbone_from_hub() -> None:
    """Get the configuration of a backbone from the hub."""
    from vr.clip import hub

    with _served():
        hub.fetch("me/model", ["open_clip_config.json"], remedy="Check the name.")


def _download(address: str) -> None:
    from attrgen.schema import card
    from vr.data.download.images import download_images

    toy = card.find("card.toml")
    assert toy.images is not None
    toy = toy.model_copy(update={"images": toy.images.model_copy(update={"download": address})})
    download_images(toy, Path("data"), say=print)


class _Handler(socketserver.BaseRequestHandler):
    """Sends the file that belongs to the path of a request, and closes the connection."""

    def handle(self) -> None:
        request = b""
        while b"\r\n\r\n" not in request and (block := self.request.recv(65536)):
            request += block
        head, _, body = request.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
        )
        while len(body) < min(length, _LONGEST_REQUEST) and (block := self.request.recv(65536)):
            body += block
        method, path, *_ = (*head.split(b" ", 2), b"", b"")
        content = response(path.decode("latin-1")).read_bytes()
        if method == b"HEAD":
            content = content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        self.request.sendall(content)


def response(path: str) -> Path:
    """The file with the response to a request of this path."""
    by_part = {
        "/chat/completions": "answer",
        "/v1/models": "models",
        "/tree/": "tree",
        "toy.zip": "archive",
        "toy.id": "id",
        "toy.json": "set",
        "/preupload/": "preupload",
        "/commit/": "commit",
        "/repos/create": "created",
        "/validate-yaml": "validated",
    }
    name = next((name for part, name in by_part.items() if part in path), "other")
    return Path("served") / f"{name}.http"


def _hub_patch() -> Any:
    """The module that turns huggingface_hub to another server; the tests of backbones have it."""
    path = Path(__file__).parents[1] / "vr" / "clip" / "stand_in" / "hub_patch.py"
    spec = importlib.util.spec_from_file_location("hub_patch", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hub_at = _hub_patch().patched


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a client that does not like a response closes the connection."""


@contextmanager
def _served() -> Iterator[str]:
    """The address of the server, which is also the hub; whoever waits for another attempt does not."""
    import os

    sleep = time.sleep
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        os.environ["HF_ENDPOINT"] = url
        with (
            hub_at(url, Path("hub-cache").absolute()),
            patch.object(time, "sleep", lambda seconds: sleep(min(seconds, _LONGEST_PAUSE))),
        ):
            try:
                yield url
            finally:
                server.shutdown()
