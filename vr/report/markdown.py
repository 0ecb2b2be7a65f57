"""Markdown: tables, and words of other people's files that must not be taken for markup."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrgen.core.streams import printable

# What opens emphasis, code, links, images, HTML or an entity, and what ends a cell of a table.
_MARKUP = re.compile(r"[\\`*\[\]<>|~]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)")


def escaped(text: str) -> str:
    """Words of a file on one line, shown as they are; addresses stay links."""
    return _MARKUP.sub(r"\\\g<0>", printable(" ".join(text.split())))


def code(text: str) -> str:
    """The same as code: `text`."""
    return "`" + printable(" ".join(text.split())).replace("`", "'") + "`"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, without a newline at the end; words of files in its cells must be `escaped`."""
    from tabulate import tabulate

    return tabulate(rows, headers=heads, tablefmt="github", disable_numparse=True)
