"""`attrgen doctor` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrgen.cli.options import CacheFolder
from attrgen.llm.defaults import DEFAULT_CACHE, DEFAULT_MODEL


def doctor(
    base_url: Annotated[
        str | None,
        typer.Option(
            envvar="OPENAI_BASE_URL", help="OpenAI-compatible server.  [default: OpenAI]", show_default=False
        ),
    ] = None,
    model: Annotated[str, typer.Option(envvar="OPENAI_MODEL", help="Model to ask.")] = DEFAULT_MODEL,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that one request may take.")] = 120,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Append every request and what came back as JSON lines.  [default: no log]",
            show_default=False,
        ),
    ] = None,
    cache: CacheFolder = DEFAULT_CACHE,
) -> None:
    """Find out what a server can do, and what to set.

    Makes about ten small requests. What the server accepts is remembered in the cache folder.
    Exit status: 0 the server gives usable answers, 1 it does not.
    """
    from attrgen.core.errors import UserError
    from attrgen.llm import doctor as doctors
    from attrgen.llm import prompts
    from attrgen.llm.capabilities import Memory
    from attrgen.llm.log import opened
    from attrgen.llm.server import Server

    server = Server.from_environment(base_url)
    if server is None:
        raise UserError(
            "which server? Neither OPENAI_API_KEY nor --base-url is given",
            code="doctor-no-server",
            remedy="Give --base-url, for instance http://localhost:8000/v1.",
        )
    writes = None if log is None else opened(log)
    result = doctors.diagnose(server, model, prompts.load(), Memory(cache), timeout=timeout, log=writes)
    for line in result.lines():
        print(line)
    if result.error is not None:
        raise typer.Exit(1)
