"""Phrases against a plain search with regular expressions, and names of classes in texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attrgen.checks.names import GAP, names_of
from attrgen.checks.phrases import Phrases
from attrgen.checks.words import words

PHRASES = ("no", "rather than", "rather than red", "abcd*", "rather redd*", "follow-up", "up")
WORDS = ("no", "rather", "than", "red", "redder", "abcd", "abcde", "abc", "follow", "up", "nor")


def slow(text: str) -> list[tuple[int, int]]:
    """Start and end word of the longest phrase at each word, one regular expression a phrase."""
    plain = " ".join(words(text))
    actual = []
    for number, match in enumerate(re.finditer(r"\S+", plain)):
        ends = []
        for phrase in PHRASES:
            pattern = re.escape(" ".join(words(phrase))) + (r"\w*" if phrase.endswith("*") else "")
            hit = re.compile(rf"{pattern}(?!\S)").match(plain, match.start())
            ends += [number + len(hit[0].split())] if hit else []
        actual += [(number, max(ends))] if ends else []
    return actual


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join))
def test_phrases_are_those_of_a_plain_search(text: str) -> None:
    assert Phrases(PHRASES).find(words(text)) == slow(text)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("a Benign Tumor beside cysts", ["a", GAP, GAP, "beside", GAP]),
        ("benign tumors", [GAP, GAP]),
        ("a benign mass, 0 mm", ["a", "benign", "mass", "0", "mm"]),
        ("plain", ["plain"]),
    ],
)
def test_names_are_taken_out(text: str, rest: list[str]) -> None:
    names = names_of({"benign tumor": frozenset({"benign tumor", "0"}), "cyst": frozenset({"cyst"})})
    assert list(names.taken_out(words(text))) == rest
