"""The sentence that sums controls up: its figures are differences of accuracies, its verdict a test."""

from __future__ import annotations

import pytest
import torch

from vr.evaluation.significance import holm
from vr.explanation.controls.measurement import Measured, measure
from vr.explanation.controls.texts import Control
from vr.runs.predictions import Predictions

IMAGES = 200


def right(number: int, start: int = 0) -> Predictions:
    """Predictions that are right on `number` images, from `start`."""
    rows = (torch.arange(IMAGES) - start) % IMAGES
    logits = torch.nn.functional.one_hot((rows >= number).long(), 2).float()
    paths = tuple(map(str, range(IMAGES)))
    return Predictions(("x", "y"), paths, torch.zeros(IMAGES, dtype=torch.long), logits)


def controls() -> dict[str, Control]:
    names = {"names": False, "shuffled": True, "random-words": True, "fewer-1": False}
    return {
        name: Control(name, f"{name} texts", lambda *_: pytest.fail(), mute) for name, mute in names.items()
    }


def measured(**counts: int) -> Measured:
    predictions = {
        name.replace("_", "-"): {seed: right(number, seed) for seed in (1, 2)}
        for name, number in counts.items()
    }
    return measure("labo", controls(), predictions)


def test_the_share_is_what_the_best_silent_control_does_not_reach() -> None:
    actual = measured(written=160, names=100, shuffled=120, random_words=130, fewer_1=155)
    assert [row.name for row in actual.rows] == ["written", "names", "shuffled", "random-words", "fewer-1"]
    for name, accuracy in (("written", 0.8), ("random-words", 0.65)):
        row = actual.row(name)
        assert row is not None and row.accuracy == pytest.approx(accuracy) and row.seeds == 2
    words = actual.row("random-words")
    assert words is not None and words.loss is not None and words.gain is not None
    assert (words.loss.mean, words.gain.mean) == (pytest.approx(0.15), pytest.approx(0.15))
    raw = [row.loss.p for row in actual.rows if row.loss is not None]
    assert [row.p for row in actual.rows if row.loss is not None] == pytest.approx(holm(raw))
    assert "gain 30.0 points (95%: +" in actual.sentence and "(50%) are due to" in actual.sentence
    assert "65.0%" in actual.sentence and "may be chance" not in actual.sentence


def test_a_control_that_reaches_the_same_leaves_nothing_to_the_content() -> None:
    actual = measured(written=160, names=100, shuffled=160, random_words=130)
    assert "none of it" in actual.sentence and "as written 80.0%" in actual.sentence


def test_without_a_gain_nothing_is_attributed() -> None:
    for written, words in ((101, "may be chance"), (60, "lose 20.0 points (95%: +")):
        sentence = measured(written=written, names=100, shuffled=90, random_words=80).sentence
        assert words in sentence and "due to" not in sentence


def test_without_silent_controls_the_share_is_unknown() -> None:
    assert "unknown" in measured(written=160, names=100, fewer_1=90).sentence
