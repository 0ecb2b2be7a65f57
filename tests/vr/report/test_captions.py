"""Sentences of the report: numbers and words agree with what is drawn."""

from __future__ import annotations

import pytest

from vr.report import captions
from vr.report.diagnostics import Bin


def bins(*filled: tuple[int, int, float]) -> list[Bin]:
    """Ten bins; (number, images, accuracy) of those with images, whose confidence is in the middle."""
    images = {number: (count, accuracy) for number, count, accuracy in filled}
    return [
        Bin(number / 10, (number + 1) / 10, count, number / 10 + 0.05, accuracy)
        for number in range(10)
        for count, accuracy in [images.get(number, (0, float("nan")))]
    ]


def test_over_and_underconfident_bins_are_named_though_the_average_is_right() -> None:
    lines = captions.confidence(bins((3, 500, 0.75), (8, 500, 0.45)))
    assert "60% sure and 60% right: the two agree" in lines[0]
    assert lines[1:] == [
        "Underconfident where it is 30% to 40% sure: right on 75% of 500 images.",
        "Overconfident where it is 80% to 90% sure: right on 45% of 500 images.",
    ]


def test_neighbouring_bins_are_named_together() -> None:
    lines = captions.confidence(bins((6, 200, 0.40), (7, 300, 0.50), (9, 400, 0.95)))
    assert lines[1:] == ["Overconfident where it is 60% to 80% sure: right on 46% of 500 images."]
    assert "overconfident by" in lines[0]


@pytest.mark.parametrize("filled", [(8, 3, 0.6), (8, 900, 0.82)])
def test_gaps_that_are_small_or_chance_are_not_named(filled: tuple[int, int, float]) -> None:
    (_, line) = captions.confidence(bins(filled, (5, 2000, 0.55)))
    assert line == "In no bin is the gap above 5 points and beyond chance."


def test_singular_and_plural() -> None:
    assert captions.counted(1, "image") == "1 image"
    assert captions.counted(0, "image") == "0 images"
    assert captions.counted(1000, "image") == "1,000 images"
    assert captions.listed(["a"]) == "a" and captions.listed(["a", "b", "c"]) == "a, b and c"
