"""A small HTTP server that answers as the Hugging Face hub does, for repositories in a folder."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Hub:
    """The server's address, what it refuses, and the requests it got."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.refused: dict[str, tuple[int, str, str]] = {}  # repository: status, code, message
        self.requests: list[str] = []
        self.address = ""


@contextmanager
def serve(root: Path) -> Iterator[Hub]:
    """A hub of the repositories ROOT/ORG/REPO, until the block ends."""
    hub = Hub(root)

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""

    def _answer(self, *, body: bool) -> None:
        self.hub.requests.append(self.path)
        parts = self.path.lstrip("/").partition("?")[0].split("/")
        repo = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
        if repo in self.hub.refused:
            status, code, message = self.hub.refused[repo]
            return self._refuse(status, code, message)
        if not (self.hub.root / repo).is_dir():
            return self._refuse(401, "RepoNotFound", "Invalid username or password.")
        file = self.hub.root / repo / "/".join(parts[4:])
        if parts[2:3] != ["resolve"] or not file.is_file():
            return self._refuse(404, "EntryNotFound", "Entry not found")
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        self._send(200, {"ETag": f'"{digest}"'}, content if body else None, len(content))
        return None

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._send(status, {"X-Error-Code": code, "X-Error-Message": message}, None, 0)

    def _send(self, status: int, headers: dict[str, str], content: bytes | None, length: int) -> None:
        self.send_response(status)
        for name, value in {
            **headers,
            "X-Repo-Commit": "0" * 39 + "1",
            "Content-Length": str(length),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if content is not None:
            self.wfile.write(content)
