"""Words of other people's files are shown in Markdown as they are, and never as markup."""

from __future__ import annotations

import pytest

from vr.report.markdown import code, escaped, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("kidney cyst", "kidney cyst"),
        ("bright_spot", "bright_spot"),
        ("https://example.org/a_b?c=1&d=2", "https://example.org/a_b?c=1&d=2"),
        ("HER2+ (3+)", "HER2+ (3+)"),
        ("_a_ *b* `c`", r"\_a\_ \*b\* \`c\`"),
        ("<img src=x>", r"\<img src=x\>"),
        ("![x](http://192.0.2.1)", r"!\[x\](http://192.0.2.1)"),
        ("a|b", r"a\|b"),
        ("&lt;script&gt;", r"\&lt;script\&gt;"),
        ("one\n# two\n---", "one # two ---"),
        ("a\x1b[2J", r"a\\x1b\[2J"),
    ],
)
def test_markup_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_code_does_not_end_early() -> None:
    assert code("a`<b>`\nc") == "`a'<b>' c`"


def test_a_cell_does_not_end_a_table() -> None:
    lines = table(("name",), [[escaped("a|b\n|c|")]]).splitlines()
    assert len(lines) == 3 and r"a\|b \|c\|" in lines[2]
