"""From what a collection calls a class to the label of the card's class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.schema.card import Card


def label_of(card: Card, spelling: str) -> int | None:
    """Label of a class by any of its spellings; None where the card leaves that class out on purpose.

    Raises:
        UserError: the card knows no such class; the message lists the nearest names.
    """
    entry = card.find_class(spelling)
    if entry is None and card.leaves_out(spelling):
        return None
    return card.class_names.index((entry or card.class_of(spelling)).name)


def label_by_number(card: Card, number: int) -> int | None:
    """Label of a class by its number in a file: its index in `images.labels`, else in the card's order.

    Raises:
        UserError: there is no class of that number.
    """
    spellings = card.images.labels if card.images is not None else ()
    if not spellings and card.left_out:
        raise UserError(
            f"the card '{card.name}' leaves classes out, so that label {number} may mean any class",
            code="label-ambiguous",
            remedy="List the classes by number in the card: images.labels.",
        )
    spellings = spellings or card.class_names
    if not 0 <= number < len(spellings):
        raise UserError(
            f"label {number} is out of range: the card '{card.name}' has {len(spellings)} classes",
            code="label-out-of-range",
            remedy="Add the class to the card, or list images.labels in the card.",
        )
    return label_of(card, spellings[number])


def class_names_of(labels: Iterable[int | str], *, gaps: bool = True) -> list[str]:
    """The classes behind labels without a card: names sorted; numbers as `class 0` to the largest one.

    Args:
        gaps: whether a smaller number that does not occur is a class, as where numbers are indices.
    """
    distinct = {str(label) for label in labels}
    if not all(label.isascii() and label.isdigit() for label in distinct):
        return sorted(distinct)
    numbers = sorted(set(map(int, distinct)))
    if gaps:
        numbers = list(range(max(numbers, default=-1) + 1))
    return [f"class {number}" for number in numbers]


@contextmanager
def located(file: str | Path, line: int | None = None) -> Iterator[None]:
    """Errors from within name this file and line."""
    try:
        yield
    except UserError as error:
        raise UserError(error.what, code=error.code, file=file, line=line, remedy=error.remedy) from error
