"""Explanations as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from attrgen.core import tables
from vr.explanation.explanation import Explanation
from vr.explanation.outline import COLUMNS, LEGEND, rows


def show(explanations: Sequence[Explanation], *, classes: int, top: int | None) -> None:
    """Print a table an image, of its first `classes` classes and the first `top` texts of each bank."""
    for each in explanations:
        print(each.title)
        table = tables.table("class, expert, bank, text", numbers=COLUMNS)
        for row in rows(each.classes[:classes], top):
            title = "  " * row.depth + row.title + (f" ({row.note})" if row.note else "")
            tables.add_row(table, title, *row.numbers, bold=row.depth == 0)
        tables.show(table)
    print(LEGEND)
