"""`attrgen edit` on the command line: parse, call, print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer


def edit(
    class_name: Annotated[str, typer.Argument(metavar="CLASS", help="As the set or the card spells it.")],
    attrs: Annotated[
        Path | None, typer.Option(help="The attribute set.  [default: attrs/DATASET.json, or the only one]")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A card's name, a card's path, or an image folder.")
    ] = None,
) -> None:
    """Open a class in your editor ($VISUAL or $EDITOR), a text a line, and check it when it is saved.

    What you typed is never lost: what cannot be saved stays in a draft beside the set.
    """
    from attrgen.cli import options
    from attrgen.curation import edit as editing
    from attrgen.schema import card

    its_card = None if dataset is None else card.find(dataset)
    path = options.set_file(attrs, its_card)
    editing.edit(editing.job_of(path, its_card, class_name), _ask, print)


def _ask(question: str, answers: Sequence[str]) -> str:
    """Ask until one of `answers` (or its first letter) is given; the last one where nobody answers."""
    letters = {answer[0]: answer for answer in answers}
    listed = ", ".join(f"[{answer[0]}]{answer[1:]}" for answer in answers)
    while True:
        try:
            said = input(f"{question} {listed}? ").strip().lower()
        except EOFError:
            print()
            return answers[-1]
        if said[:1] in letters:
            return letters[said[:1]]
