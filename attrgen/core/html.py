"""Small HTML tables for notebooks. Everything that they show is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> str:
    """An HTML table of plain text.

    Args:
        columns: titles; where all are empty the table has no head.
        rows: cells, shown as `str` of them.
        caption: a line above the table.
    """
    head = "".join(f"<th>{escape(title)}</th>" for title in columns)
    lines = ["".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows]
    return "".join(
        [
            "<table>",
            f"<caption>{escape(caption)}</caption>" if caption else "",
            f"<thead><tr>{head}</tr></thead>" if any(columns) else "",
            "<tbody>",
            *(f"<tr>{line}</tr>" for line in lines),
            "</tbody></table>",
        ]
    )
