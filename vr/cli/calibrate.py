"""`vr calibrate` on the command line: parse, call, print."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from attrgen.core.shell import command
from vr.cli import options, values

if TYPE_CHECKING:
    from vr.evaluation.calibration import Calibration
    from vr.runs.run import Run

CALIBRATION = "Calibration"


class Pool(StrEnum):
    """Labelled images to calibrate on; those that training saw are always left out."""

    val = "val"
    train = "train"
    all = "all"


class SetScore(StrEnum):
    """How prediction sets are made: the smallest (lac), or larger ones for harder images (aps)."""

    lac = "lac"
    aps = "aps"


Split = Annotated[
    Pool | None,
    options.option(
        CALIBRATION, "Images to calibrate on.", default="val, or train where there are no val images"
    ),
]
Coverage = Annotated[
    float,
    options.option(
        CALIBRATION, "Share of images to answer; the model abstains from the rest.", min=0.01, max=1
    ),
]
Score = Annotated[
    SetScore,
    options.option(CALIBRATION, "Prediction sets: lac, the smallest; aps, larger for harder images."),
]


def calibrate(
    run_directory: options.RunDirectory,
    data: options.RunData = None,
    data_format: options.Format = None,
    split: Split = None,
    coverage: Coverage = 0.8,
    set_score: Score = SetScore.lac,
    force: options.Force = False,
    backbone: options.RunBackbone = None,
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.RunPrecision = None,
) -> None:
    """Calibrate probabilities on images that training did not see.

    The test set is never used. Half of the images fit a temperature; the other half the threshold for
    abstention and the prediction sets.
    """
    from vr.runs import run as runs
    from vr.runs.images import open_images

    if not force:
        values.check_free(run_directory / runs.CALIBRATION, remedy="Overwrite it with --force.")
    source = open_images(runs.trained_config(run_directory), data, data_format)

    from vr.evaluation.calibrate_run import calibrate_run
    from vr.runtime.progress import count_bar

    run = runs.load_run(run_directory, backbone=backbone, weights=weights, device=device, precision=precision)
    with count_bar("scoring", None) as advance:
        calibration = calibrate_run(
            run,
            source,
            pool=None if split is None else split.value,
            coverage=coverage,
            score=set_score.value,
            say=typer.echo,
            progress=advance,
        )
    _show(run, calibration)


def _show(run: Run, calibration: Calibration) -> None:
    from vr.evaluation import calibration as calibrations
    from vr.evaluation import calibration_assessment

    for line in calibration_assessment.lines(
        calibration, calibration_assessment.on_test(run.path, calibration)
    ):
        typer.echo(line)
    typer.echo(f"written into {run.path}: {', '.join(calibrations.FILES)}")
    typer.echo(f"next: {command('vr', 'report', run.path)} shows the effect on the test set")
