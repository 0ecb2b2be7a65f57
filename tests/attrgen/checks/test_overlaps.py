"""Overlapping sets against a comparison of every pair."""

from __future__ import annotations

import random

import pytest

from attrgen.checks.overlaps import overlapping
from attrgen.checks.words import overlap


@pytest.mark.parametrize("least", [0.4, 0.65, 0.75, 1.0])
@pytest.mark.parametrize("letters", [8, 26])
def test_the_pairs_are_those_of_a_comparison_of_all(least: float, letters: int) -> None:
    chance = random.Random(letters)
    alphabet = [chr(97 + number) for number in range(letters)]
    sets = [frozenset(chance.sample(alphabet, chance.randrange(0, 8))) for _ in range(300)]
    expected = {
        (later, earlier)
        for later in range(len(sets))
        for earlier in range(later)
        if sets[later] and sets[earlier] and overlap(sets[later], sets[earlier]) >= least
    }
    actual = [(later, earlier) for later, others in overlapping(sets, least) for earlier in others]
    assert set(actual) == expected and len(actual) == len(expected)
    assert actual == sorted(actual)


def test_a_share_of_exactly_the_limit_counts() -> None:
    assert list(overlapping([frozenset("abc"), frozenset("abcd")], 0.75)) == [(0, []), (1, [0])]
