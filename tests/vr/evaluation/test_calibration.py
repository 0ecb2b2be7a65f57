"""A calibration as numbers and as a file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from attrgen.core.errors import UserError
from vr.evaluation import calibration as calibrations
from vr.evaluation import calibration_assessment, conformal
from vr.evaluation.calibration import Calibration
from vr.evaluation.temperature import fit_temperature
from vr.runs import run as runs
from vr.runs.predictions import Predictions

NAMES = ("cyst", "stone", "tumor")


def scored(count: int, *, temperature: float = 4.0, seed: int = 0) -> Predictions:
    """Scores that are `temperature` times too sure, as a model's often are."""
    generator = torch.Generator().manual_seed(seed)
    logits = 6 * torch.randn(count, 3, generator=generator)
    labels = torch.multinomial((logits / temperature).softmax(1), 1, generator=generator)[:, 0]
    return Predictions(NAMES, tuple(f"{seed}/{i:05d}.png" for i in range(count)), labels, logits)


def fit(actual: Predictions, *, score: conformal.Score = "lac", coverage: float = 0.8) -> Calibration:
    return calibrations.fit(actual, model="0" * 64, images_from="val", coverage=coverage, score=score)[0]


def plain_ece(chances: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    confidence, right = chances.max(1), chances.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(right[place == b].mean() - confidence[place == b].mean()) * (place == b).mean()
            for b in range(bins)
            if (place == b).any()
        )
    )


def test_on_other_images_confidence_means_what_it_says() -> None:
    actual = fit(scored(2000))
    test = calibration_assessment.assess(scored(4000, seed=1), actual)
    assert actual.temperature == pytest.approx(4, rel=0.1)
    assert test["ece_before"] > 0.15 and test["ece_after"] < 0.03
    assert test["nll_after"] < test["nll_before"]
    assert test["answered"] == pytest.approx(0.8, abs=0.03)
    assert test["selective_accuracy"] > test["accuracy"] + 0.02
    assert test["sets_coverage"] == pytest.approx(0.9, abs=0.03) and 1 < test["sets_size"] < 3


def test_its_numbers_are_those_of_numpy() -> None:
    actual, other = fit(scored(600)), scored(700, seed=1)
    test = calibration_assessment.assess(other, actual)
    logits, labels = other.logits.double().numpy(), other.labels.numpy()
    for scale, ece, nll in (
        (1.0, "ece_before", "nll_before"),
        (actual.temperature, "ece_after", "nll_after"),
    ):
        exp = np.exp((logits - logits.max(1, keepdims=True)) / scale)
        chances = exp / exp.sum(1, keepdims=True)
        assert test[ece] == pytest.approx(plain_ece(chances, labels), abs=1e-6)
        assert test[nll] == pytest.approx(-np.log(chances[np.arange(700), labels]).mean())
    confidence, right = chances.max(1), chances.argmax(1) == labels
    answered = confidence >= actual.threshold
    assert test["answered"] == pytest.approx(answered.mean())
    assert test["selective_accuracy"] == pytest.approx(right[answered].mean())
    members = 1 - chances <= actual.set_limits["0.90"]
    assert test["sets_coverage"] == pytest.approx(members[np.arange(700), labels].mean())
    assert test["sets_size"] == pytest.approx(members.sum(1).mean())


def test_the_halves_are_apart_and_hold_every_class_alike() -> None:
    actual = scored(101)
    one, other = calibrations._halves(actual)
    assert set(one.paths).isdisjoint(other.paths) and {*one.paths, *other.paths} == set(actual.paths)
    counts = torch.bincount(one.labels, minlength=3) - torch.bincount(other.labels, minlength=3)
    assert counts.abs().max() <= 1


def test_the_temperature_s_images_set_neither_threshold_nor_sets() -> None:
    actual = scored(400)
    one, other = calibrations._halves(actual)
    fitted = fit(actual)
    scale = fit_temperature(one.logits, one.labels)
    assert fitted.temperature == scale
    chances = (other.logits.double() / scale).softmax(1).numpy()
    confidence = sorted(chances.max(1), reverse=True)
    assert fitted.threshold == pytest.approx(confidence[160 - 1])  # 80% of 200
    scores = sorted(1 - chances[np.arange(200), other.labels.numpy()])
    assert fitted.set_limits["0.90"] == pytest.approx(scores[181 - 1])  # ceil(201 * 0.9)


def test_the_order_of_the_images_does_not_matter() -> None:
    actual = scored(120)
    order = torch.randperm(120, generator=torch.Generator().manual_seed(1)).tolist()
    paths = tuple(actual.paths[i] for i in order)
    turned = Predictions(NAMES, paths, actual.labels[order], actual.logits[order])
    assert fit(turned) == fit(actual)


def test_a_table_by_coverage() -> None:
    actual = fit(scored(1000), coverage=0.83)
    wished = [*(percent / 100 for percent in range(50, 81, 5)), 0.83, 0.85, 0.9, 0.95, 1.0]
    assert [row.coverage for row in actual.abstention] == wished
    thresholds = [row.threshold for row in actual.abstention]
    assert thresholds == sorted(thresholds, reverse=True)
    assert actual.threshold == actual.threshold_for(0.83)
    assert actual.abstention[0].accuracy > actual.abstention[-1].accuracy


def test_few_images_are_told() -> None:
    few = fit(scored(14))
    assert few.set_limits["0.90"] is None and few.set_limit_for(0.9) == float("inf")
    harmed = few.held_out.model_copy(update={"nll_before": 1.0, "nll_after": 1.1})
    helped = few.held_out.model_copy(update={"nll_before": 1.1, "nll_after": 1.0})
    counts = [
        len(calibration_assessment.notes(few.model_copy(update={"held_out": quality})))
        for quality in (harmed, helped)
    ]
    assert counts[0] == counts[1] + 1
    notes = "\n".join(calibration_assessment.notes(few))
    assert "are few" in notes and "need at least 9 images" in notes
    many = "\n".join(calibration_assessment.notes(fit(scored(400))))
    assert "are few" not in many and "with 200 images" in many
    with pytest.raises(UserError) as caught:
        fit(scored(1))
    assert caught.value.code == "calibration-few-images"


def test_it_is_read_as_it_was_written(toy_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(toy_run, tmp_path / "run"))
    assert calibrations.load(run) is None
    actual = fit(scored(50), score="aps").model_copy(update={"model": calibrations.model_id(run)})
    calibrations.save(actual, run)
    assert calibrations.load(run) == actual


def test_another_model_s_calibration_is_refused(toy_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(toy_run, tmp_path / "run"))
    calibrations.save(fit(scored(50)), run)
    with pytest.raises(UserError) as caught:
        calibrations.load(run)
    assert caught.value.code == "calibration-of-another-model"


@pytest.mark.parametrize(("key", "value"), [("temperature", 0), ("threshold", 2), ("more", 1)])
def test_a_damaged_file_is_told_by_its_place(key: str, value: float, toy_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(toy_run, tmp_path / "run"))
    values = json.loads(fit(scored(50)).model_dump_json())
    (run / runs.CALIBRATION).write_text(json.dumps({**values, key: value}))
    with pytest.raises(UserError) as caught:
        calibrations.load(run)
    assert caught.value.code == ("calibration-unknown-key" if key == "more" else "calibration-value")
    assert key in caught.value.what and caught.value.file == str(run / runs.CALIBRATION)


def of_patients(patients: int, images: int) -> Predictions:
    """Scores of several images per patient, whose images are not beside each other."""
    actual = scored(patients * images)
    groups = tuple(f"p{row % patients}" for row in range(len(actual.paths)))
    return Predictions(actual.classes, actual.paths, actual.labels, actual.logits, groups)


def test_the_images_of_a_patient_are_in_one_half() -> None:
    actual = of_patients(31, 4)
    one, other = calibrations._halves(actual)
    assert one.groups is not None and other.groups is not None
    assert not set(one.groups) & set(other.groups)
    assert sorted((*one.paths, *other.paths)) == sorted(actual.paths)
    assert abs(len(one.paths) - len(other.paths)) <= 4
    alone = Predictions(actual.classes, actual.paths, actual.labels, actual.logits, actual.paths)
    without = Predictions(actual.classes, actual.paths, actual.labels, actual.logits)
    assert [half.paths for half in calibrations._halves(alone)] == [
        half.paths for half in calibrations._halves(without)
    ]


def test_patients_count_for_how_sure_the_coverage_is() -> None:
    calibration = fit(of_patients(60, 5))
    groups = calibration.held_out.groups
    assert groups is not None and 25 <= groups <= 35 and calibration.held_out.images >= 5 * groups - 5
    low, high = conformal.likely_coverage(groups, 0.9)
    remarks = " ".join(calibration_assessment.notes(calibration))
    assert f"of {groups} groups" in remarks and f"{100 * low:.0f}% and {100 * high:.0f}%" in remarks
    # Six patients in the half do not fix a rank of 90%, however many images they have.
    assert "uncertain" in " ".join(calibration_assessment.notes(fit(of_patients(12, 20))))


def test_one_patient_is_too_few_to_calibrate_on() -> None:
    with pytest.raises(UserError) as caught:
        fit(of_patients(1, 40))
    assert caught.value.code == "calibration-few-images"
