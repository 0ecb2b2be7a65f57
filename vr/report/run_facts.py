"""The facts of a finished run that its model card states."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attrgen.schema.attribute_set import AttributeSet
from vr.evaluation import calibration as calibrations
from vr.evaluation import calibration_assessment
from vr.evaluation.calibration import Calibration
from vr.methods import find_declaration
from vr.methods.common.declaration import Declaration
from vr.runs import run as runs
from vr.runs.run import RunConfig

FILES = {
    runs.CONFIG: "everything the run was asked, and the versions it ran with",
    runs.FEWSHOT: "the images that it was trained on",
    runs.ATTRIBUTES: "the attribute texts",
    runs.MODEL: "what was learned; it also needs the frozen backbone",
    runs.METRICS: "all metrics",
    runs.PREDICTIONS: "scores of every test image",
    runs.HISTORY: "loss and accuracy per epoch",
    runs.CALIBRATION: "temperature, abstention thresholds, prediction sets",
    runs.RISK_CSV: "risk at every coverage",
    runs.OPERATING_POINT: "the probability from which an image counts as a class",
    runs.RISK_PNG: "the same as a figure",
    runs.CLASSES_CSV: "metrics per class",
    runs.CONFUSIONS_CSV: "which classes were confused, and how often",
    runs.REPORT: "figures; it shows images of the collection",
}


@dataclass(frozen=True)
class Facts:
    """Everything that a card is made of, read from a run directory.

    Attributes:
        attributes: the set, if the method reads one with the run's options; else None.
        calibrated_test: the calibration measured on the test images, see `calibration_assessment.assess`.
    """

    path: Path
    config: RunConfig
    method: type[Declaration]
    metrics: dict[str, Any]
    attributes: AttributeSet | None
    calibration: Calibration | None
    calibrated_test: dict[str, Any] | None


def read_facts(path: Path) -> Facts:
    """Read a finished run.

    Raises:
        UserError: not a run directory, not measured on its test set yet, or a file in it is damaged.
    """
    config = runs.measured_config(path)
    calibration = calibrations.load(path)
    method = find_declaration(config.method)
    attributes = runs.load_attributes(path)
    options = runs.options_of(config, path / runs.CONFIG)
    return Facts(
        path=path,
        config=config,
        method=method,
        metrics=runs.read_metrics(path),
        attributes=attributes if method.required_kinds(options, attributes) else None,
        calibration=calibration,
        calibrated_test=None if calibration is None else calibration_assessment.on_test(path, calibration),
    )


def without_folders(name: str) -> str:
    """The name of a model, of weights or of a file, without the folders of the machine that it is on."""
    return name if name.startswith("hf-hub:") else Path(name.removeprefix("local-dir:")).name
