"""Whatever a decoder raises becomes the user's error; a damaged cache counts as absent."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from attrgen.core.decoding import cached, decoding
from attrgen.core.errors import UserError
from attrgen.core.system import OutOfFiles, check_open_files, refused


class Panic(BaseException):
    """As libraries in Rust raise it."""


ERRORS = (ValueError("bad"), struct.error("bad"), MemoryError(), RecursionError(), Panic("bad"))
PASSING = (KeyboardInterrupt(), SystemExit(3), UserError("x", code="of-its-own"))


def fail(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_any_error_names_the_file(error: BaseException) -> None:
    with pytest.raises(UserError) as caught, decoding("a.bin", what="damaged", code="a-b", remedy="Repair."):
        fail(error)
    assert (caught.value.code, caught.value.file, caught.value.remedy) == ("a-b", "a.bin", "Repair.")
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_these_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, decoding("a.bin", what="damaged", code="a-b", remedy=""):
        fail(error)
    assert caught.value is error


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_many_open_files_are_no_damaged_file(number: int) -> None:
    error = OSError(number, "too many open files")
    with pytest.raises(OutOfFiles), decoding("a.bin", what="damaged", code="a-b", remedy=""):
        raise error
    with pytest.raises(OutOfFiles) as caught, decoding("b", what="damaged", code="b-c", remedy=""):
        check_open_files(error)
    refusal = refused(caught.value)
    assert refusal is not None and refusal.code == "system-refused"


def test_a_reason_is_one_short_line() -> None:
    with pytest.raises(UserError) as caught, decoding("a.bin", what="damaged", code="a-b", remedy=""):
        raise ValueError("first\nsecond" + "x" * 10_000)
    assert caught.value.what == "damaged: first"


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_damaged_cache_counts_as_absent(error: BaseException) -> None:
    assert cached(lambda: fail(error)) is None
    assert cached(lambda: 3) == 3


def test_an_interrupt_is_no_damaged_cache() -> None:
    with pytest.raises(KeyboardInterrupt):
        cached(lambda: fail(KeyboardInterrupt()))
