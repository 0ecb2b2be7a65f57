"""`attrgen cite` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def cite(
    file: Annotated[Path, typer.Argument(help="An attribute set.")],
    dataset: Annotated[
        str | None, typer.Option(help="Its card.  [default: the shipped card of its dataset]")
    ] = None,
    cache: Annotated[Path, typer.Option(envvar="ATTRGEN_CACHE", help="Folder of the cache.")] = Path("cache"),
) -> None:
    """Print the set's id, where its texts come from, and a BibTeX entry."""
    from attrgen.curation import status
    from attrgen.curation.cite import cite as citation
    from attrgen.schema import attribute_set, spelling

    located = attribute_set.read(file)
    card = spelling.card_of(located.set, dataset)
    print(citation(located.set, status.of_file(located, cache, card), card))
