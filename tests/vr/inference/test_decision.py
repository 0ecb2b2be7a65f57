"""From scores to predictions: probabilities, abstention, sets; wishes that cannot be met."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from attrgen.core.errors import UserError
from vr.evaluation import calibration as calibrations
from vr.evaluation.calibration import Calibration
from vr.inference.decision import Decision, decision
from vr.runs.predictions import Predictions

NAMES = ("cyst", "stone", "tumor")
LOGITS = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.1, 0.0], [0.0, 8.0, 0.0]])


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    generator = torch.Generator().manual_seed(0)
    logits = 6 * torch.randn(400, 3, generator=generator)
    labels = torch.multinomial((logits / 3).softmax(1), 1, generator=generator)[:, 0]
    actual = Predictions(NAMES, tuple(f"{i}.png" for i in range(400)), labels, logits)
    return calibrations.fit(actual, model="0" * 64, images_from="val", coverage=0.8, score="lac")[0]


def test_without_a_calibration_probabilities_are_the_softmax_and_nothing_is_abstained_from() -> None:
    actual = decision(NAMES, None).predict(LOGITS, ["a", "b", None])
    assert [p.label for p in actual] == ["cyst", "stone", "stone"]
    assert [p.path for p in actual] == ["a", "b", None]
    for prediction, row in zip(actual, LOGITS.double().softmax(1).tolist(), strict=True):
        assert list(prediction.probabilities.values()) == pytest.approx(row)
        assert prediction.probability == max(prediction.probabilities.values())
        assert not prediction.abstained and prediction.set is None


def test_below_the_threshold_it_abstains_and_still_says_the_class() -> None:
    actual = Decision(NAMES, threshold=0.5).predict(LOGITS, [None] * 3)
    assert [p.abstained for p in actual] == [False, True, False]
    assert actual[1].label == "stone"


def test_raw_probabilities_of_a_calibrated_run_have_no_sets(tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text("{}")
    for run, code in ((tmp_path, "predict-raw-and-calibration"), (tmp_path / "x", "predict-no-calibration")):
        for requested in ({"sets": 0.9}, {"coverage": 0.8}):
            with pytest.raises(UserError) as caught:
                decision(NAMES, None, run=run, **requested)
            assert caught.value.code == code


def test_sets_hold_what_fits_the_likeliest_first() -> None:
    actual = Decision(NAMES, set_limit=0.9).predict(LOGITS, [None] * 3)
    assert [p.set for p in actual] == [("cyst", "stone"), ("stone", "cyst", "tumor"), ("stone",)]
    none = Decision(NAMES, set_limit=-1.0).predict(LOGITS, [None] * 3)
    assert [p.set for p in none] == [(), (), ()]


def test_a_calibration_gives_temperature_threshold_and_sets(calibration: Calibration) -> None:
    plain = decision(NAMES, calibration)
    assert plain.temperature == calibration.temperature == pytest.approx(3, rel=0.3)
    assert plain.threshold == calibration.threshold and plain.set_limit is None
    chances = plain.predict(LOGITS, [None] * 3)[0].probabilities
    expected = (LOGITS[0].double() / calibration.temperature).softmax(0).tolist()
    assert list(chances.values()) == pytest.approx(expected)
    wide = decision(NAMES, calibration, threshold=0.0, sets=0.95)
    assert wide.threshold == 0.0 and wide.set_limit == calibration.set_limits["0.95"]
    assert decision(NAMES, calibration, coverage=1.0).threshold < calibration.threshold


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"threshold": 0.5, "coverage": 0.8}, "predict-threshold-or-coverage"),
        ({"threshold": 1.5}, "predict-threshold-range"),
        ({"coverage": 0.83}, "calibration-no-such-coverage"),
        ({"sets": 0.925}, "calibration-no-such-sets"),
        ({"sets": 1.0}, "calibration-no-such-sets"),
        ({"sets": 90}, "calibration-no-such-sets"),
    ],
)
def test_a_wish_that_cannot_be_met(wishes: dict[str, Any], code: str, calibration: Calibration) -> None:
    with pytest.raises(UserError) as caught:
        decision(NAMES, calibration, **wishes)
    assert caught.value.code == code


@pytest.mark.parametrize("wishes", [{"coverage": 0.8}, {"sets": 0.9}])
def test_what_needs_a_calibration_says_so(wishes: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        decision(NAMES, None, **wishes)
    assert caught.value.code == "predict-no-calibration"
