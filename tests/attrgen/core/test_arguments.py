"""Wrong types of arguments are the program's own errors; right ones pass untouched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from attrgen.core.arguments import checked, fits
from attrgen.core.errors import UserError

if TYPE_CHECKING:
    from nowhere import Unknown


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ("a", str, True),
        (Path("a"), str | Path, True),
        (5, str | Path, False),
        (None, str | None, True),
        (True, int, False),
        (3, float, True),
        ("0.5", float | None, False),
        ("auto", Literal["auto", "cpu"], True),
        ("gpu", Literal["auto", "cpu"], False),
        (("a",), Sequence[str], True),
        ("abc", Sequence[str], False),
        ({}, Mapping[str, int], True),
        ([], Mapping[str, int], False),
        (print, Callable[[str], None], True),
        (5, Callable[[str], None], False),
        (5, Any, True),
    ],
)
def test_what_fits(value: Any, hint: Any, expected: bool) -> None:
    assert fits(value, hint) is expected


def test_a_checked_function() -> None:
    @checked
    def double(number: int, *, unknown: Unknown | None = None) -> int:
        """Docs."""
        return 2 * number

    assert double(2) == double(number=2, unknown=object()) == 4 and double.__doc__ == "Docs."  # type: ignore[arg-type]
    with pytest.raises(UserError) as caught:
        double("2")  # type: ignore[arg-type]
    assert caught.value.code == "argument-wrong-type" and "number" in caught.value.what
    with pytest.raises(TypeError):
        double()  # type: ignore[call-arg]
