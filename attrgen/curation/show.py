"""`attrgen show`: an attribute set as a table, the counts of all classes or the texts of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrgen.core import tables
from attrgen.schema.attribute_set import KINDS, AttributeSet, Entry
from attrgen.schema.card import Card
from attrgen.schema.spelling import find_class

if TYPE_CHECKING:
    from rich.table import Table

Tokens = Callable[[str], int]


def overview(attributes: AttributeSet, tokens: Tokens | None = None) -> Table:
    """Number of texts, one row per class and below it one row per class that it is mistaken for.

    With `tokens` (text to number) the last column has the tokens of the longest text of the row.
    """
    every = list(attributes.entries())
    kinds = [kind for kind in KINDS if any(entry.kind == kind for entry in every)]
    table = tables.table("class", numbers=(*kinds, "longest") if tokens else tuple(kinds))

    def add(title: str, row: list[Entry]) -> None:
        numbers = [sum(entry.kind == kind for entry in row) for kind in kinds]
        if tokens is not None:
            numbers.append(max((tokens(entry.text) for entry in row), default=0))
        tables.add_row(table, title, *(number or "" for number in numbers))

    for name, value in attributes.classes.items():
        of_class = [entry for entry in every if entry.class_name == name]
        add(name, [entry for entry in of_class if entry.confused is None])
        for confused in value.confusion or {}:
            add(f"  as {confused}", [entry for entry in of_class if entry.confused == confused])
    table.add_section()
    add("all", every)
    return table


def texts(attributes: AttributeSet, name: str, tokens: Tokens | None = None) -> Table:
    """The texts of one class with their numbers in their lists, from 1; with `tokens`, how long each is."""
    table = tables.table("#", "text", numbers=("tokens",) if tokens else ())
    list_before: tuple[str, str | None] | None = None
    for entry in attributes.entries():
        if entry.class_name != name:
            continue
        if (entry.kind, entry.confused) != list_before:
            if list_before is not None:
                table.add_section()
            list_before = (entry.kind, entry.confused)
            title = entry.kind if entry.confused is None else f"{entry.kind}: {entry.confused}"
            tables.add_row(table, "", title, bold=True)
        tables.add_row(table, entry.position + 1, entry.text, *([tokens(entry.text)] if tokens else []))
    return table


def show(attributes: AttributeSet, spelling: str | None, card: Card | None, tokens: Tokens | None) -> None:
    """Print the overview, or the texts of one class.

    Raises:
        UserError: the set has no such class.
    """
    if spelling is None:
        tables.show(overview(attributes, tokens))
        source = attributes.provenance.get("source", "unknown")
        print(f"{attributes.dataset}, id {attributes.id}, source: {source}")
    else:
        tables.show(texts(attributes, find_class(attributes, spelling, card), tokens))
