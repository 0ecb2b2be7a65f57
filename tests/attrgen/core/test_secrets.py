"""Keys, tokens and passwords of other people's files are not shown."""

from __future__ import annotations

import io
import sys

import pytest

from attrgen.core import streams, tables
from attrgen.core.command import run
from attrgen.core.errors import UserError
from attrgen.core.secrets import masked

KEY = "sk-proj-abcdefghijklmnop0123456789"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"model {KEY}, again", "model ***, again"),
        ("hf_abcdefghijklmnopqrstuvwxyz", "***"),
        ("word" + KEY, "word***"),
        ("sk-ant-api03-abc_def-0123456789", "***"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123", "***"),
        ("Authorization: Bearer abc.def-0123", "Authorization: Bearer ***"),
        ("https://user:pass@example.org/v1", "https://***@example.org/v1"),
        ("error: https:/user:pass@example.org: no such card", "error: https:/***@example.org: no such card"),
        ("C:/a/b:c d@e", "C:/a/b:c d@e"),
        ("https://example.org/?a=1&api_key=abc&b=2", "https://example.org/?a=1&api_key=***&b=2"),
    ],
)
def test_secrets_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "runs/disk-usage-of-the-whole-cluster/seed-1",
        "https://example.org/toy.zip",
        "a lesion: 12:30, mail me@example.org",
        "sk-learn",
        "images/mask-0123456789abcdef0123456789.png",
        "hf-hub:org/model",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert masked(text) == text


def test_all_that_is_printed_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stream, "utf-8"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), "utf-8"))
    streams.prepare()
    print(f"a {KEY}")
    sys.stdout.write(f"https://user:{KEY}@example.org")
    streams.flush()
    assert stream.getvalue() == b"a ***\nhttps://***@example.org"


def test_a_message_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise UserError(f"bad {KEY}", code="a-b")

    with pytest.raises(SystemExit) as ended:
        run(fail)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: bad ***. [a-b]\n"


def test_cells_of_tables_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    table = tables.table("name")
    tables.add_row(table, f"\x1b[2J {KEY}")
    tables.show(table)
    printed = capsys.readouterr().out
    assert "\\x1b[2J ***" in printed and KEY not in printed
