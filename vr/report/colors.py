"""How classes and runs are told apart in figures: one colour each, and dashes where there are many."""

from __future__ import annotations

SERIES = 12
_HUES = (255, 45, 150, 340, 90, 200, 300, 15, 120, 225, 70, 175)


def hue(number: int) -> int:
    """The hue of class or run `number` in degrees: neighbours are far apart, the first is blue."""
    return _HUES[number % SERIES]


def is_dashed(number: int) -> bool:
    """Whether the line of class or run `number` is dashed: hues alone stop telling lines apart after six."""
    return number // 6 % 2 == 1
