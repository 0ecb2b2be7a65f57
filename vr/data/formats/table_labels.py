"""Labels of a table: which cells hold none, which are numbers, which hold several."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from attrgen.core.errors import UserError

MISSING = ("", "nan", "none", "null", "na", "n/a", "<na>")
_FLOAT = re.compile(r"([+-]?\d{1,18})\.0*")
_ALWAYS_SEPARATES = re.compile(r"\s*[|;]\s*")
_MAY_SEPARATE = re.compile(r"\s*[,+&/]\s*")
_LIST = re.compile(r"[\[({].*[,\s].*[\])}]")


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no label."""
    return cell.strip().casefold() in MISSING


def plain_labels(
    cells: Iterable[str], is_class: Callable[[str], bool] = lambda cell: False
) -> dict[str, str]:
    """The label that each distinct cell of a column means; cells without a label are not in it.

    Integers that were stored as floating-point numbers (`1.0`) are integers again, unless the column has
    other numbers with a fraction.

    Args:
        is_class: whether a cell is the spelling of a class of the card, which then means that class.

    Raises:
        UserError: a cell holds several labels.
    """
    distinct = list(dict.fromkeys(cells))
    labels = {cell: cell.strip() for cell in distinct if is_class(cell) or not is_missing(cell)}
    free = [label for cell, label in labels.items() if not is_class(cell)]
    if not any(_has_fraction(label) for label in free):
        for cell, label in labels.items():
            match = _FLOAT.fullmatch(label)
            if match is not None and not is_class(cell):
                labels[cell] = str(int(match[1]))
    _check_single({label for label in labels.values() if not is_class(label)}, labels)
    return labels


def _check_single(free: set[str], labels: Mapping[str, str]) -> None:
    known = set(labels.values())
    several = sorted(label for label in free if _holds_several(label, known))
    if several:
        others = f", and so do {len(several) - 1} other cells" if len(several) > 1 else ""
        raise UserError(
            f"'{several[0]}' holds several labels{others}",
            code="manifest-several-labels",
            remedy="One label per image is required: keep the rows that have one, or write one table per "
            "finding with the labels present and absent.",
        )


def _holds_several(label: str, known: set[str]) -> bool:
    """Whether a label is a list: by brackets or separators, or because its parts are labels themselves."""
    if _LIST.fullmatch(label):
        return True
    parts = [part for part in _ALWAYS_SEPARATES.split(label) if part]
    if len(parts) > 1:
        return True
    parts = _MAY_SEPARATE.split(label)
    return len(parts) > 1 and all(part in known for part in parts)


def _has_fraction(label: str) -> bool:
    try:
        return not float(label).is_integer()
    except (ValueError, OverflowError):
        return False
