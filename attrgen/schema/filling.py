"""How a person fills what an attribute set lacks: the commands, as messages print them."""

from __future__ import annotations

from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.files import expanded
from attrgen.core.shell import command
from attrgen.schema import card as cards
from attrgen.schema import library


def how_to_fill(dataset: str, class_name: str, file: str | Path | None = None) -> str:
    """Sentences with the commands that fill a set: by an LLM, and by hand.

    Args:
        dataset: as `--dataset` names it: a card's name, a card's path, or a collection.
        class_name: one of the classes that lack something.
        file: the set, where it is not the default one of the dataset.
    """
    try:
        card = cards.find(dataset)
    except UserError:
        return _without_card(dataset)
    where: tuple[str | Path, ...] = ("--dataset", dataset)
    by_hand = where
    if file is not None and Path(file) not in (
        library.path_of(card.name),
        Path("attrs", f"{card.name}.json"),
    ):
        where, by_hand = (*where, "--out", file), (*where, "--attrs", file)
    return (
        f"An LLM writes it with {command('attrgen', 'build', *where)}. "
        f"You write it by hand with {command('attrgen', 'edit', class_name, *by_hand)}, a class at a time."
    )


def card_option(dataset: str | None) -> tuple[str, ...]:
    """The words that name a dataset to `attrgen`; none where it does not know it by this name."""
    if dataset is None:
        return ()
    try:
        cards.find(dataset)
    except UserError:
        return ()
    return "--dataset", dataset


def _without_card(dataset: str) -> str:
    if expanded(dataset).exists():
        return (
            f"Write a card first, which prints the next commands: {command('vr', 'data', 'card', dataset)}."
        )
    return f"{command('attrgen', 'build', '--help')} shows how to fill a set, for a card of your own, too."
