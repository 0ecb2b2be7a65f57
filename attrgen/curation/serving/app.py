"""The application of `attrgen serve`: the page, its script, and the texts as they are edited."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrgen.core.errors import UserError
from attrgen.core.local_server import application
from attrgen.curation.serving.session import Session

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_FOLDER = Path(__file__).parent


def make_app(session: Session, secret: str) -> Starlette:
    """The application of an edit, below a secret path.

    `GET /` and `/page.js` are fixed files; `GET /state` gives the lists and findings; `POST /draft` keeps the
    texts and gives their findings; `POST /save` writes the set.
    """
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import HTMLResponse, JSONResponse
    from starlette.responses import Response as Plain

    async def page(request: Request) -> Response:
        return HTMLResponse((_FOLDER / "page.html").read_text("utf-8"))

    async def script(request: Request) -> Response:
        return Plain((_FOLDER / "page.js").read_text("utf-8"), media_type="text/javascript")

    async def answered(function: Callable[[], Any]) -> Response:
        try:
            return JSONResponse(await run_in_threadpool(function))
        except UserError as error:
            return JSONResponse({"error": str(error), "code": error.code}, 409)

    async def state(request: Request) -> Response:
        def read() -> dict[str, Any]:
            session.reload()
            return session.state()

        return await answered(read)

    async def draft(request: Request) -> Response:
        content = await request.body()
        return await answered(lambda: {"findings": session.keep(_json(content))})

    async def save(request: Request) -> Response:
        content = await request.body()
        return await answered(lambda: {"id": session.save(_json(content)), "based_on": session.based_on})

    routes = [("GET", "/", page), ("GET", "/page.js", script), ("GET", "/state", state)]
    return application([*routes, ("POST", "/draft", draft), ("POST", "/save", save)], secret)


def _json(content: bytes) -> Any:
    """The value of a request; half of a surrogate pair, which no file can hold, becomes U+FFFD."""
    try:
        text = json.dumps(json.loads(content), ensure_ascii=False)
        return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}", code="serve-not-json") from error
