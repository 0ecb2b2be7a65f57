"""`--fix` changes white space in texts and takes out repetitions; every other byte stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attrgen.checks.fix import fix_file, fixed

HEAD = '{"format": "attribute-set/1",\n  "dataset":   "x", "classes": { "a":\n{"descriptive": ['
TAIL = '] ,"confusion" : {"other": ["a  b c"]}}},\n\n"provenance": {"note": "two  spaces, \\u00e9"} }   '


def around(items: str) -> str:
    return f"{HEAD}{items}{TAIL}"


@pytest.mark.parametrize(
    ("items", "mended"),
    [
        ('"a b c"', '"a b c"'),
        ('" a  b\\tc "', '"a b c"'),
        ('"caf\\u00e9\\u00a0  noir mat"', '"caf\\u00e9 noir mat"'),
        ('"café\u00a0noir  mat"', '"café noir mat"'),
        ('"a b", "a b", "c d"', '"a b", "c d"'),
        ('"a b", "c d", "a b"', '"a b", "c d"'),
        ('\n      "a b",\n      "a b"\n    ', '\n      "a b"\n    '),
        ('\n      "a b",\n      "a  b",\n      " a b",\n      "c d"\n', '\n      "a b",\n      "c d"\n'),
        (' "a b" , "c d" ,"a b" , "c d" ', ' "a b" , "c d" '),
        ('"A b", "a b."', '"A b", "a b."'),  # not the same text: for a person to decide
        ('"a b", 7, "a b"', '"a b", 7, "a b"'),
        ('"a b", "", "a b"', '"a b", "", "a b"'),
        ('"quote \\" and \\\\ slash"', '"quote \\" and \\\\ slash"'),
    ],
)
def test_only_that_changes(items: str, mended: str) -> None:
    result = fixed(around(items).replace("a  b c", "a b c"))
    assert result.source == around(mended).replace("a  b c", "a b c")
    json.loads(result.source)


def test_every_list_is_mended_and_counted() -> None:
    result = fixed(around('"a  b", "a b", "c  d"'))
    assert result.source == around('"a b", "c d"').replace("a  b c", "a b c")
    assert (result.tidied, result.removed) == (3, 1)


def test_line_ends_and_a_byte_order_mark_stay(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    source = "\ufeff" + around('\n  "a  b",\n  "a b"\n').replace("\n", "\r\n")
    path.write_bytes(source.encode("utf-8"))
    assert fix_file(path) == fixed(source)
    expected = "\ufeff" + around('\n  "a b"\n').replace("a  b c", "a b c").replace("\n", "\r\n")
    assert path.read_bytes() == expected.encode("utf-8")


@pytest.mark.parametrize("content", [around('"a b"').replace("a  b c", "a b c").encode(), b"{", b"\xff"])
def test_a_file_with_nothing_to_mend_is_not_touched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set.json"
    path.write_bytes(content)
    before = path.stat()
    result = fix_file(path)
    assert (result.tidied, result.removed) == (0, 0)
    after = path.stat()
    assert (path.read_bytes(), after.st_mtime_ns, after.st_ino) == (
        content,
        before.st_mtime_ns,
        before.st_ino,
    )
