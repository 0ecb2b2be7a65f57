"""Files are read within bounds: no devices, no pipes, nothing too large, no syntax that costs hours."""

from __future__ import annotations

import errno
import os
import socket
import tracemalloc
from pathlib import Path

import pytest

from attrgen.core import json_lines
from attrgen.core.csv_rows import csv_rows
from attrgen.core.errors import UserError
from attrgen.core.files import read_bytes, read_text
from attrgen.core.overwrite import write_new
from attrgen.core.system import OutOfFiles
from attrgen.core.validation import Strict, read_json, toml_values, validate_json


class Numbers(Strict):
    number: float = 0.0
    lists: tuple[tuple[int, ...], ...] = ()


def code_of(error: pytest.ExceptionInfo[UserError]) -> str:
    return error.value.code


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError) as caught:
        read_text(tmp_path / "pipe", what="card")
    assert code_of(caught) == "file-not-regular"


def test_a_pipe_is_not_waited_for_before_it_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError) as caught:
        write_new({tmp_path / "pipe": "text"})
    assert code_of(caught) == "file-exists"
    (tmp_path / "file").write_text("text")
    write_new({tmp_path / "file": "text"})
    with pytest.raises(UserError) as caught:
        write_new({tmp_path / "file": "texts"})
    assert code_of(caught) == "file-exists"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_a_device_is_no_file(device: str) -> None:
    with pytest.raises(UserError) as caught:
        read_bytes(Path(device), what="card")
    assert code_of(caught) in ("file-not-regular", "file-unreadable")


def test_a_socket_is_no_file(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "s"))
        with pytest.raises(UserError) as caught:
            read_bytes(tmp_path / "s", what="card")
    assert code_of(caught) in ("file-not-regular", "file-unreadable")


def test_the_bound_of_the_size_is_told(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**26)
    with pytest.raises(UserError) as caught:
        read_text(tmp_path / "large", what="card")
    assert code_of(caught) == "file-too-large"
    assert "64 MiB" in caught.value.what and "32 MiB" in caught.value.what
    assert len(read_bytes(tmp_path / "large", what="table", largest=2**30)) == 2**26


@pytest.mark.parametrize(
    "text",
    [
        ".".join("a" * 100_000) + " = 1",
        f"[{'.'.join('a' * 100_000)}]",
        '"a b".' * 100 + "c = 1",
        "x = {" + "a." * 100 + "b = 1}",
        "x = " + "[" * 2000 + "]" * 2000,
        "x = " + "9" * 100_000,
    ],
    ids=["key", "table", "quoted", "inline", "brackets", "number"],
)
def test_toml_that_would_take_hours(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(UserError) as caught:
        toml_values(tmp_path / "a.toml", what="card", code="card")
    assert code_of(caught) == "card-not-toml"


def test_dots_in_texts_are_no_keys(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(f"x = \"{'a.' * 1000}\"\ny = '{'b.' * 1000}'\n")
    assert len(toml_values(tmp_path / "a.toml", what="card", code="card")["x"]) == 2000


@pytest.mark.parametrize(
    "text",
    [
        '{"number": NaN}',
        '{"number": 1e999}',
        '{"number": "\\ud800"}',
        '{"lists": ' + "[" * 5000 + "]" * 5000 + "}",
    ],
    ids=["nan", "infinite", "surrogate", "brackets"],
)
def test_json_that_is_no_value(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError) as caught:
        read_json(Numbers, tmp_path / "a.json", what="numbers", code="numbers")
    assert code_of(caught).startswith("numbers-") and caught.value.file


def test_not_all_of_very_many_errors_are_listed() -> None:
    with pytest.raises(UserError) as caught:
        validate_json(Numbers, '{"lists": [' + "1," * 10_000 + "1]}", what="numbers", code="numbers")
    assert len(str(caught.value)) < 20_000 and "9,951 more" in str(caught.value)


def test_values_of_located_json_are_counted() -> None:
    with pytest.raises(ValueError, match="more than 10 values"):
        json_lines.parse("[" + "1," * 10 + "1]", most_values=10)
    assert json_lines.parse('["' + "," * 100 + '"]', most_values=10).value == ["," * 100]


def test_csv_that_is_none_names_its_line() -> None:
    with pytest.raises(UserError) as caught:
        list(csv_rows("a,b\n1,2\n3," + "x" * 200_000 + "\n", "t.csv", code="t"))
    assert (code_of(caught), caught.value.line) == ("t", 3)


def test_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x")
    tracemalloc.start()
    try:
        assert read_bytes(tmp_path / "small", what="table", largest=2**33) == b"x"
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_too_many_open_files_are_not_the_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("whole")

    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutOfFiles):
        read_bytes(tmp_path / "a", what="note")
