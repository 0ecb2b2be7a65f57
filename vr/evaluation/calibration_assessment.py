"""A calibration assessed on other images, and described in sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vr.evaluation import conformal, temperature
from vr.evaluation.calibration import Calibration, probabilities, quality
from vr.runs import predictions
from vr.runs import run as runs
from vr.runs.predictions import Predictions

_FEW = 100  # images; estimates from fewer are rough


def assess(scored: Predictions, calibration: Calibration, *, sets: float = 0.9) -> dict[str, Any]:
    """A calibration measured on other images, usually those of the test split; plain numbers in [0, 1].

    Returns:
        images, ece_before, ece_after, nll_before, nll_after; accuracy of all; answered (share) and
        selective_accuracy at the calibration's threshold; sets_asked, sets_coverage and sets_size.
    """
    chances = probabilities(scored.logits, calibration.temperature)
    confidence, predicted = chances.max(1)
    right = (predicted == scored.labels).double()
    answered = confidence >= calibration.threshold
    members = conformal.prediction_sets(chances, calibration.set_limit_for(sets), calibration.set_score)
    covered, size = conformal.coverage_of(members, scored.labels)
    return {
        **quality(scored, calibration.temperature).model_dump(),
        "accuracy": float(right.mean()),
        "answered": float(answered.double().mean()),
        "selective_accuracy": float(right[answered].mean()) if answered.any() else None,
        "sets_asked": sets,
        "sets_coverage": covered,
        "sets_size": size,
    }


def notes(calibration: Calibration, *, sets: float = 0.9) -> list[str]:
    """Warnings about a calibration, a sentence each."""
    remarks = []
    count = calibration.held_out.images
    if count < _FEW:
        remarks.append(
            f"{calibration.images} images, half of them for the temperature, are few: thresholds and sets "
            "are rough. More: --split all, or labelled images of your own with --data"
        )
    if count < conformal.fewest_images(sets):
        remarks.append(
            f"{100 * sets:.0f}% sets need at least {conformal.fewest_images(sets)} images beside the "
            f"temperature's, and there are {count}: every set holds all classes"
        )
    else:
        remarks.append(_certainty(calibration, sets))
    if calibration.held_out.nll_after > calibration.held_out.nll_before:
        remarks.append(
            f"on the {count} images that it was not fitted on, the temperature made probabilities no better: "
            "those before calibration (--raw) are as good"
        )
    if temperature.at_edge(calibration.temperature):
        reason = (
            "the model's confidence says nothing of whether it is right"
            if calibration.temperature > 1
            else "the model was right on every image that it was fitted on"
        )
        remarks.append(f"the temperature ran to the end of its range: {reason}")
    return remarks


def _certainty(calibration: Calibration, sets: float) -> str:
    """How far the true coverage of sets may be from what was asked for.

    Images of one group resemble each other, so that groups count where they are known.
    """
    images, groups = calibration.held_out.images, calibration.held_out.groups
    counted = f"with {images} images" if groups is None else f"with {images} images of {groups} groups"
    asked = f"sets asked for {100 * sets:.0f}%"
    units = images if groups is None else groups
    if units < conformal.fewest_images(sets):
        return f"{counted}, it is uncertain how often {asked} hold the class"
    low, high = conformal.likely_coverage(units, sets)
    return (
        f"{counted}, {asked} truly hold the class between {100 * low:.0f}% and {100 * high:.0f}% of the time "
        "(nine times in ten)"
    )


def on_test(run: Path, calibration: Calibration) -> dict[str, Any] | None:
    """`assess` on the test images that a run was measured on; None where it was not measured on them.

    Raises:
        UserError: the run's metrics or predictions are damaged.
    """
    measured = (run / runs.METRICS).is_file() and (run / runs.PREDICTIONS).is_file()
    if not measured or runs.read_metrics(run).get("split") != "test":
        return None
    return assess(predictions.load(run / runs.PREDICTIONS), calibration)


def lines(calibration: Calibration, test: dict[str, Any] | None) -> list[str]:
    """What `vr calibrate` prints: the fit, its quality on test images, and warnings."""
    text_lines = [
        f"temperature {calibration.temperature:.3g}, fitted on {calibration.fitted.images} images",
        _quality_line(f"{calibration.held_out.images} others", calibration.held_out.model_dump()),
    ]
    if test is not None:
        text_lines.append(_quality_line(f"{test['images']} test images", test))
    text_lines.append(f"threshold {calibration.threshold:.3f} to answer {100 * calibration.coverage:.0f}%")
    if test is not None:
        right, of_all = test["selective_accuracy"], f"of all, {100 * test['accuracy']:.1f}%"
        of_them = of_all if right is None else f"{100 * right:.1f}% of them right; {of_all}"
        text_lines += [
            f"  test: {100 * test['answered']:.1f}% answered, {of_them}",
            f"sets ({calibration.set_score}) that hold the class {100 * test['sets_asked']:.0f}% of the time",
            f"  test: {100 * test['sets_coverage']:.1f}% do, {test['sets_size']:.2f} classes on average",
        ]
    return [*text_lines, *(f"note: {note}" for note in notes(calibration))]


def _quality_line(where: str, values: dict[str, Any]) -> str:
    return (
        f"  {where}: ECE {100 * values['ece_before']:.1f}% → {100 * values['ece_after']:.1f}%, "
        f"NLL {values['nll_before']:.3f} → {values['nll_after']:.3f}"
    )
