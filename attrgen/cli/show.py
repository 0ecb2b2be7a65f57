"""`attrgen show` on the command line: parse, call, print."""

from __future__ import annotations

from typing import Annotated

import typer

from attrgen.cli.options import SetCard, SetFile


def show(
    file: SetFile,
    class_name: Annotated[
        str | None,
        typer.Argument(metavar="[CLASS]", help="Show this class's texts.  [default: the counts of all]"),
    ] = None,
    dataset: SetCard = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Count CLIP's tokens, too; CLIP reads at most 77.")
    ] = False,
) -> None:
    """Show a set as a table: the counts, or the texts of one class."""
    from attrgen.checks import clip_tokens
    from attrgen.curation import show as tables
    from attrgen.schema import attribute_set, spelling

    attributes = attribute_set.load(file)
    card = spelling.card_of(attributes, dataset)
    tables.show(attributes, class_name, card, clip_tokens.count if tokens else None)
