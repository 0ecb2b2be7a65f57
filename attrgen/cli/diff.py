"""`attrgen diff` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def diff(
    a: Annotated[Path, typer.Argument(help="An attribute set.")],
    b: Annotated[Path, typer.Argument(help="Another one, as a rule a later state of the same.")],
    dataset: Annotated[
        str | None, typer.Option(help="Their card.  [default: the shipped card of A's dataset]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object with every change.")] = False,
) -> None:
    """Tell what B says otherwise than A; exits 0 when they say the same, else 1.

    + added, - removed, ~ reworded (the line before is the old wording), > moved from another list, ↕ moved
    within its list.
    """
    from attrgen.curation import diff as difference
    from attrgen.schema import attribute_set, spelling

    old, new = attribute_set.load(a), attribute_set.load(b)
    found = difference.difference(old, new, spelling.card_of(old, dataset))
    if json:
        print(difference.as_json(old, new, found))
    else:
        print(*difference.report(a, old, b, new, found), sep="\n")
    if found:
        raise typer.Exit(1)
