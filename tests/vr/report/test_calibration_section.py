"""A run that was calibrated shows what that is worth on its test images; another one says how."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from vr.cli import measured
from vr.evaluation import calibration as calibrations
from vr.evaluation import calibration_assessment
from vr.report import report_data
from vr.report.calibration_section import calibrated
from vr.report.run_report import write_report
from vr.runs import predictions
from vr.runs import run as runs


def fit(folder: Path, model: str | None = None) -> calibrations.Calibration:
    actual = predictions.load(folder / runs.PREDICTIONS)
    own = calibrations.model_id(folder) if model is None else model
    fitted, _ = calibrations.fit(
        actual, model=own, images_from="validation images", coverage=0.5, score="lac"
    )
    calibrations.save(fitted, folder)
    return fitted


def test_the_page_tells_what_assess_measures(copied_run: Path, read_page: Any) -> None:
    fitted = fit(copied_run)
    measured = calibration_assessment.assess(predictions.load(copied_run / runs.PREDICTIONS), fitted)
    page = read_page(write_report(copied_run))
    assert f"temperature of {fitted.temperature:.3g}" in page.text
    assert f"from {measured['ece_before']:.1%} to {measured['ece_after']:.1%}" in page.text
    assert f"{measured['answered']:.1%} of the images are answered" in page.text
    assert f"so in {measured['sets_coverage']:.1%}, with {measured['sets_size']:.2f} classes" in page.text
    labels = [svg["aria-label"] for svg in page.all("svg")]
    (alt,) = [label for label in labels if label.startswith("Coverage against risk")]
    assert f"{1 - measured['accuracy']:.1%} wrong if all are answered" in alt
    assert "Not calibrated" not in page.text


def test_figures_say_whether_they_are_calibrated(copied_run: Path, read_page: Any) -> None:
    before = read_page(write_report(copied_run)).text
    assert "Confidences are not calibrated" in before and "before calibration" not in before
    assert measured.calibration_lines(copied_run) == []
    fitted = fit(copied_run)
    after = read_page(write_report(copied_run)).text
    assert "Confidences are after calibration" in after and "before calibration" in after
    quality = calibration_assessment.assess(predictions.load(copied_run / runs.PREDICTIONS), fitted)
    (line,) = measured.calibration_lines(copied_run)
    assert f"ECE {quality['ece_after']:.1%}, NLL {quality['nll_after']:.3f}" in line
    fit(copied_run, model="another")
    assert measured.calibration_lines(copied_run) == []


def test_without_one_or_with_that_of_an_earlier_model_the_page_says_how(
    copied_run: Path, read_page: Any
) -> None:
    def says_how() -> bool:
        text = read_page(write_report(copied_run)).text
        return "Not calibrated. Calibration adjusts" in text and "vr calibrate --help shows how." in text

    assert says_how()
    fit(copied_run, model="another")
    assert says_how()


def test_it_is_not_shown_on_images_that_it_may_have_been_fitted_on(copied_run: Path) -> None:
    fit(copied_run)
    read = report_data.read(copied_run)
    assert calibrated(read) is not None
    assert calibrated(dataclasses.replace(read, metrics={**read.metrics, "split": "val"})) is None


def test_where_no_image_is_answered(copied_run: Path) -> None:
    fitted = fit(copied_run)
    calibrations.save(fitted.model_copy(update={"threshold": 1.0}), copied_run)
    actual = calibrated(report_data.read(copied_run))
    assert actual is not None and "no image is answered" in actual["sentences"][1]
