"""Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, without a newline at the end; cells are shown as they are."""
    from tabulate import tabulate

    escaped = [[cell.replace("|", r"\|") for cell in row] for row in (heads, *rows)]
    return tabulate(escaped[1:], headers=escaped[0], tablefmt="github", disable_numparse=True)
