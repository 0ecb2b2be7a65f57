"""How an attribute set is shown in a notebook: a table of HTML in which every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrgen.schema.attribute_set import AttributeSet


def html_table(attributes: AttributeSet) -> str:
    """A table with a row per list: class, kind, confused class, and the texts, folded up.

    Examples:
        >>> from attrgen.schema.attribute_set import AttributeSet
        >>> toy = {"a<b": {"descriptive": ["a dark spot"]}}
        >>> "<td>a&lt;b</td>" in html_table(AttributeSet(dataset="toy", classes=toy))
        True
    """
    lists = groupby(attributes.entries(), key=lambda entry: (entry.class_name, entry.kind, entry.confused))
    rows = [_row(*key, [entry.text for entry in entries]) for key, entries in lists]
    head = "".join(f"<th>{title}</th>" for title in ("class", "kind", "confused with", "texts"))
    return (
        f"<p><b>{escape(attributes.dataset)}</b> <code>{attributes.id[:12]}</code></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _row(class_name: str, kind: str, confused: str | None, texts: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    counted = f"{len(texts)} text{'' if len(texts) == 1 else 's'}"
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in (class_name, kind, confused or ""))
    return f"<tr>{cells}<td><details><summary>{counted}</summary><ul>{items}</ul></details></td></tr>"
