"""`attrgen status` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def status(
    file: Annotated[Path, typer.Argument(help="An attribute set.")],
    dataset: Annotated[
        str | None, typer.Option(help="Its card.  [default: the shipped card of its dataset]")
    ] = None,
    cache: Annotated[Path, typer.Option(envvar="ATTRGEN_CACHE", help="Folder of the cache.")] = Path("cache"),
    json: Annotated[bool, typer.Option("--json", help="One JSON object with every text.")] = False,
) -> None:
    """Tell which texts are as they came, and which were edited, moved, added by hand, or are gone.

    The set is held against its provenance, the cache and the curated library.
    """
    from attrgen.curation import status as states
    from attrgen.schema import attribute_set, spelling

    located = attribute_set.read(file)
    found = states.of_file(located, cache, spelling.card_of(located.set, dataset))
    if json:
        print(states.as_json(located.set, found))
    else:
        states.show(located.set, found)
