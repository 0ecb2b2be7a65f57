"""Tables on the terminal, through rich, which is imported only when one is drawn."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from attrgen.core.secrets import masked
from attrgen.core.streams import printable, unfiltered

if TYPE_CHECKING:
    from rich.table import Table

_UNBROKEN = 10_000  # columns; in a file or a pipe each row is one line, so that grep finds it


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """An empty table; the columns in `numbers` are right-aligned."""
    from rich import box
    from rich.table import Table

    result = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in (*columns, *numbers):
        result.add_column(name, justify="right" if name in numbers else "left")
    return result


def add_row(table: Table, *cells: object, bold: bool = False) -> None:
    """Add a row of plain words; rich's markup in them is not interpreted."""
    from rich.text import Text

    table.add_row(*(Text(masked(printable(str(cell))), style="bold" if bold else "") for cell in cells))


def show(table: Table) -> None:
    """Print a table, broken to the terminal's width; where stdout is no terminal, each row is one line."""
    from rich.console import Console

    console = Console(file=unfiltered(sys.stdout))
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(file=unfiltered(sys.stdout), width=_UNBROKEN)
    console.print(table)
