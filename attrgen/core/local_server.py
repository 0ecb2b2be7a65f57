"""A page that only this computer's user opens: a server on the loopback address, at an address with a secret.

Other programs and other users of the machine do not know the secret part of the address, and other web pages
cannot make the browser send anything there: the Host header must be the loopback address, and a request that
changes something must not come from another origin.
"""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from attrgen.core.errors import UserError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

HOST = "127.0.0.1"
LARGEST = 256 * 2**20  # bytes of one request
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
Endpoint = Callable[["Request"], Awaitable["Response"]]


def application(routes: Sequence[tuple[str, str, Endpoint]], secret: str) -> Starlette:
    """An application with routes (method, path, function) below a secret path.

    Raises:
        UserError: starlette is not installed.
    """
    _require()
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Route

    return Starlette(
        routes=[Route(f"/{secret}{path}", endpoint, methods=[method]) for method, path, endpoint in routes],
        middleware=[Middleware(_Guard)],
    )


class _Guard:
    """Refuses other hosts, other origins and requests that are too large; adds the headers."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.responses import PlainTextResponse

        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        host = headers.get("host", "")
        name = host.rpartition(":")[0] or host
        length = headers.get("content-length", "0")
        if name not in (HOST, "localhost"):
            refused = PlainTextResponse("this page is for this computer only", 421)
        elif headers.get("origin", f"http://{host}") != f"http://{host}":
            refused = PlainTextResponse("the request comes from another page", 403)
        elif not length.isdigit() or int(length) > LARGEST:
            refused = PlainTextResponse("the request is too large", 413)
        else:
            await self.app(scope, receive, _with_headers(send))
            return
        await refused(scope, receive, send)


def _with_headers(send: Any) -> Any:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            extra = [(key.lower().encode(), value.encode()) for key, value in HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return sending


def serve(make: Callable[[str], Starlette], *, port: int, opens: bool, say: Callable[[str], None]) -> None:
    """Serve an application on the loopback address until it is interrupted.

    Args:
        make: the application for a secret.
        port: 0 takes a free one.
        opens: whether to open the page in the browser.

    Raises:
        UserError: the port is taken, or uvicorn is not installed.
    """
    _require()
    import uvicorn

    secret = secrets.token_urlsafe(18)
    app = make(secret)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"port {port} cannot be used: {error.strerror or error}",
                code="serve-port",
                remedy="Choose another one with --port, or 0 for a free one.",
            ) from error
        address = f"http://{HOST}:{listening.getsockname()[1]}/{secret}/"
        say(f"{address} (only on this computer; stop with Ctrl-C)")
        if opens:
            webbrowser.open(address)
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])


def _require() -> None:
    from importlib.util import find_spec

    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise UserError(
            "pages that one clicks need starlette and uvicorn",
            code="serve-not-installed",
            remedy="pip install 'biomedvr[serve]'.",
        )
