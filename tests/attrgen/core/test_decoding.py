"""Whatever a decoder raises becomes the user's error; a damaged cache counts as absent."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from attrgen.core.decoding import cached, decoding
from attrgen.core.errors import UserError


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
