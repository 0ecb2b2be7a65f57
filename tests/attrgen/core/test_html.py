"""HTML tables: their cells, and that nothing of them is markup."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from attrgen.core import html


def test_cells_and_titles() -> None:
    tree = ElementTree.fromstring(html.table(("class", "n"), [("cyst", 3), ("tumor", 4)], caption="Classes"))
    assert [cell.text for cell in tree.iter("th")] == ["class", "n"]
    assert [cell.text for cell in tree.iter("td")] == ["cyst", "3", "tumor", "4"]
    assert tree.findtext("caption") == "Classes"


def test_without_titles_there_is_no_head() -> None:
    assert "<th" not in html.table(("", ""), [("a", "b")])


def test_markup_is_shown_as_text() -> None:
    hostile = "<script>alert('x')</script> & \"more\""
    page = html.table((hostile,), [(hostile,)], caption=hostile)
    assert "<script" not in page
    tree = ElementTree.fromstring(page)
    assert [tree.findtext("caption"), *(cell.text for cell in tree.iter("td"))] == [hostile, hostile]
