"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrgen.llm.defaults import CACHE_VARIABLE

MODEL, REQUESTS, LIMITS = "Model", "Requests", "Cache and limits"  # panels of the help

SETS = Path("attrs")  # where `attrgen build` puts sets

SetFile = Annotated[Path, typer.Argument(metavar="FILE", help="An attribute set.")]
SetCard = Annotated[
    str | None,
    typer.Option(
        metavar="CARD", help="The set's card: name or path.  [default: the shipped card of its dataset]"
    ),
]
NewSet = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The set to write.  [default: attrs/DATASET.json]")
]
CacheFolder = Annotated[
    Path, typer.Option("--cache", metavar="DIR", envvar=CACHE_VARIABLE, help="Folder of the cache.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files that exist already.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

# Of every command that asks a server.
BaseUrl = Annotated[
    str | None,
    typer.Option(
        envvar="OPENAI_BASE_URL",
        help="OpenAI-compatible server. The key is OPENAI_API_KEY, from the environment only.  "
        "[default: OpenAI]",
        rich_help_panel=MODEL,
    ),
]
Model = Annotated[str, typer.Option(envvar="OPENAI_MODEL", help="Model to ask.", rich_help_panel=MODEL)]
Timeout = Annotated[
    float, typer.Option(min=0.1, help="Seconds that one request may take.", rich_help_panel=REQUESTS)
]
Log = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Append every request and what came back as JSON lines.  [default: no log]",
        rich_help_panel=REQUESTS,
    ),
]
ServerCache = Annotated[
    Path,
    typer.Option(
        "--cache", metavar="DIR", envvar=CACHE_VARIABLE, help="Folder of the cache.", rich_help_panel=LIMITS
    ),
]
