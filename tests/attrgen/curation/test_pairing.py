"""Likeness of texts, and who became whom."""

from __future__ import annotations

from difflib import SequenceMatcher

from hypothesis import given
from hypothesis import strategies as st

from attrgen.curation.pairing import MIN_SIMILARITY, paired, similarity

texts = st.lists(st.text("ab cd", min_size=1, max_size=12), max_size=5, unique=True)


def test_a_reworded_text_is_like_and_another_finding_is_not() -> None:
    text = "a smooth, thin echogenic capsule tracing the whole edge"
    assert similarity(text, "a thin bright capsule traced along the entire edge") > MIN_SIMILARITY
    assert similarity(text, "evenly dark, weakly echoing interior with fine regular grain") < MIN_SIMILARITY
    assert similarity(text, text.upper()) == 1


def test_the_likest_pair_is_chosen_first() -> None:
    gone = ["a dark round spot", "a dark round spot on the left"]
    assert paired(gone, ["a dark round spot on the left side"]) == {1: 0}
    assert paired(gone, ["a dark round spots", "a dark round spot on a left"]) == {0: 0, 1: 1}
    assert paired(gone, []) == paired([], gone) == {}


@given(texts, texts)
def test_the_bounds_leave_out_no_pair(gone: list[str], new: list[str]) -> None:
    """Against every ratio worked out in full, and no cheap bound."""

    def ratio(i: int, j: int) -> float:
        return SequenceMatcher(None, gone[i].casefold(), new[j].casefold(), autojunk=False).ratio()

    every = sorted((-ratio(i, j), i, j) for i in range(len(gone)) for j in range(len(new)))
    expected: dict[int, int] = {}
    for negative, i, j in every:
        if -negative >= MIN_SIMILARITY and i not in expected and j not in expected.values():
            expected[i] = j
    assert paired(gone, new) == expected
