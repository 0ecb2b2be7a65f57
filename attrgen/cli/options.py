"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrgen.llm.defaults import CACHE_VARIABLE

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
