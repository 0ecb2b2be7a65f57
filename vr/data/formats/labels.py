"""From what a collection calls a class to the label of the card's class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.schema.card import Card

LARGEST_NUMBER = 99_999  # of a class; larger numbers are ids, and every number up to them would be a class
_MOST_DIGITS = 18


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


def is_number(label: str) -> bool:
    """Whether a label is the number of a class: digits, and not as many as an identifier can have."""
    return label.isascii() and label.isdigit() and len(label) <= _MOST_DIGITS


def class_names_of(labels: Iterable[int | str], *, gaps: bool = True) -> list[str]:
    """The classes behind labels without a card: names sorted; numbers as `class 0` to the largest one.

    Args:
        gaps: whether a smaller number that does not occur is a class, as where numbers are indices.

    Raises:
        UserError: with gaps, a number is so large that it cannot be an index.
    """
    distinct = {str(label) for label in labels}
    if not all(map(is_number, distinct)):
        return sorted(distinct)
    numbers = sorted(set(map(int, distinct)))
    if gaps and numbers and numbers[-1] > LARGEST_NUMBER:
        raise UserError(
            f"a label is {numbers[-1]}, and numbers of classes end at {LARGEST_NUMBER:,}",
            code="label-out-of-range",
            remedy="Number the classes from 0, or write their names.",
        )
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
