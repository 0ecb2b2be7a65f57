"""`attrgen edit` on the command line: parse, call, print."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer


def edit(
    class_name: Annotated[str, typer.Argument(metavar="CLASS", help="As the set or the card spells it.")],
    attrs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The attribute set.  [default: attrs/DATASET.json, or the only one]"
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="CARD",
            help="A card's name, a card's path, or an image folder.  [default: the set's card]",
        ),
    ] = None,
) -> None:
    """Edit a class's texts in your editor, one text per line.

    The editor is $VISUAL or $EDITOR. The texts are checked when you save them. What you typed is never lost:
    what cannot be saved stays in a draft beside the set.
    """
    from attrgen.cli.parsing import set_file
    from attrgen.curation import edit as editing
    from attrgen.schema import card

    its_card = None if dataset is None else card.find(dataset)
    path = set_file(attrs, its_card)
    _require_terminal(path)
    editing.edit(editing.job_of(path, its_card, class_name, dataset), _ask, print)


def _require_terminal(path: Path) -> None:
    """Refuse to start an editor that nobody can use.

    Raises:
        UserError: nobody sits at a terminal, so an editor would wait for ever.
    """
    from attrgen.core.errors import UserError
    from attrgen.core.shell import command

    if not sys.stdin.isatty():
        raise UserError(
            "there is no terminal in which to open an editor",
            code="edit-no-terminal",
            remedy=f"Run it in a terminal, or change {path} with another program "
            f"and run {command('attrgen', 'check', path)}.",
        )


def _ask(question: str, answers: Sequence[str]) -> str:
    """Ask until one of `answers` (or its first letter) is given; the last one where nobody answers."""
    letters = {answer[0]: answer for answer in answers}
    listed = ", ".join(f"[{answer[0]}]{answer[1:]}" for answer in answers)
    while True:
        try:
            typed = input(f"{question} {listed}? ").strip().lower()
        except EOFError:
            print()
            return answers[-1]
        if typed[:1] in letters:
            return letters[typed[:1]]
