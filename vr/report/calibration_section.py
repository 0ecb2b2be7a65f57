"""The calibration of a run, measured on the images of the report: sentences, and coverage against risk."""

from __future__ import annotations

from typing import Any

from attrgen.core.errors import UserError
from vr.evaluation import calibration as calibrations
from vr.evaluation import calibration_assessment, selective
from vr.evaluation.calibration import Calibration
from vr.report import captions, charts
from vr.report.report_data import ReportData


def usable(data: ReportData) -> Calibration | None:
    """The run's calibration; None where it has none, or that of an earlier training."""
    try:
        return calibrations.load(data.path)
    except UserError:  # `vr predict` refuses it and says so
        return None


def calibrated(data: ReportData) -> dict[str, Any] | None:
    """Sentences and chart; None if the run has no calibration, or was not measured on test images."""
    calibration = usable(data)
    if calibration is None or data.metrics["split"] != "test":
        return None
    test = calibration_assessment.assess(data.predictions, calibration)
    probabilities = calibrations.probabilities(data.predictions.logits, calibration.temperature)
    confidence, predicted = probabilities.max(1)
    curve = selective.coverage_risk(confidence, predicted == data.predictions.labels)
    right = test["selective_accuracy"]
    return {
        "sentences": _sentences(calibration, test),
        "chart": charts.coverage_risk(
            curve, None if right is None else (test["answered"], 1 - right, calibration.threshold)
        ),
    }


def _sentences(calibration: Calibration, test: dict[str, Any]) -> list[str]:
    percent = captions.percent
    worse = ", which is worse" if test["ece_after"] > test["ece_before"] else ""
    answered = (
        "no image is answered"
        if test["selective_accuracy"] is None
        else f"{percent(test['answered'])} of the images are answered, {percent(test['selective_accuracy'])} "
        f"of them correctly (of all images: {percent(test['accuracy'])})"
    )
    return [
        f"Fitted on {calibration.images} {calibration.images_from}, a temperature of "
        f"{calibration.temperature:.3g} changes the ECE here from {percent(test['ece_before'])} to "
        f"{percent(test['ece_after'])}{worse}.",
        f"If it abstains below a confidence of {percent(calibration.threshold, 0)}, {answered}.",
        f"Sets of classes that should hold the true one {percent(test['sets_asked'], 0)} of the time do so "
        f"in {percent(test['sets_coverage'])}, with {test['sets_size']:.2f} classes on average.",
    ]
