"""`attrgen doctor` on the command line: parse, call, print."""

from __future__ import annotations

from typing import Annotated

import typer

from attrgen.cli import options
from attrgen.llm.defaults import DEFAULT_CACHE, DEFAULT_MODEL


def doctor(
    base_url: options.BaseUrl = None,
    model: options.Model = DEFAULT_MODEL,
    timeout: options.Timeout = 120,
    time_limit: Annotated[
        float,
        typer.Option(
            min=1, help="Seconds that all requests together may take.", rich_help_panel=options.REQUESTS
        ),
    ] = 300,
    log: options.Log = None,
    cache: options.ServerCache = DEFAULT_CACHE,
) -> None:
    """Find out what a server can do, and what to set.

    Makes about ten small requests. What the server accepts is remembered in the cache folder.
    Exit status: 0 the server gives usable answers, 1 it does not.
    """
    from attrgen.cli.parsing import checked_model
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
    result = doctors.diagnose(
        server,
        checked_model(model),
        prompts.load(),
        Memory(cache),
        timeout=timeout,
        time_limit=time_limit,
        log=writes,
    )
    for line in result.lines():
        print(line)
    if result.error is not None:
        raise typer.Exit(1)
