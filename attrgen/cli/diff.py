"""`attrgen diff` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrgen.cli.options import Json, SetCard


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="An attribute set.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one, usually a later state of the same.")],
    dataset: SetCard = None,
    json: Json = False,
) -> None:
    """Show how the texts of two sets differ.

    + added, - removed, ~ reworded (the line before is the old wording), > moved from another list, ↕ moved
    within its list. Exit status: 0 the texts are equal, 1 they differ.
    """
    from attrgen.curation import diff as difference
    from attrgen.schema import attribute_set, spelling

    old, new = attribute_set.load(a), attribute_set.load(b)
    changes = difference.difference(old, new, spelling.card_of(old, dataset))
    if json:
        print(difference.as_json(old, new, changes))
    else:
        print(*difference.report(a, old, b, new, changes), sep="\n")
    if changes:
        raise typer.Exit(1)
