"""`attrgen show` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def show(
    file: Annotated[Path, typer.Argument(help="An attribute set.")],
    class_name: Annotated[
        str | None,
        typer.Argument(metavar="[CLASS]", help="Show this class's texts.  [default: the counts of all]"),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Its card.  [default: the shipped card of its dataset]")
    ] = None,
    tokens: Annotated[bool, typer.Option("--tokens", help="Count CLIP's tokens, too (77 at most).")] = False,
) -> None:
    """Show an attribute set as a table."""
    from attrgen.check import clip_tokens
    from attrgen.curation import show as tables
    from attrgen.schema import attribute_set, spelling

    attributes = attribute_set.load(file)
    card = spelling.card_of(attributes, dataset)
    tables.show(attributes, class_name, card, clip_tokens.count if tokens else None)
