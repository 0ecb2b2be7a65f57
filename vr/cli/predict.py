"""`vr predict` and `vr calibrate` on the command line: parse, call, print."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from vr.cli import options
from vr.cli.shared_options import Device, RunBackbone, RunDirectory, RunPrecision, Weights


class Pool(StrEnum):
    """Labelled images to calibrate on; those that training saw are always left out."""

    val = "val"
    train = "train"
    all = "all"


class SetScore(StrEnum):
    """How prediction sets are made: the smallest (lac), or larger ones for harder images (aps)."""

    lac = "lac"
    aps = "aps"


def predict(
    run_directory: RunDirectory,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Images, and folders with all below them.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Table to write: .csv, .jsonl or .parquet.  [default: CSV on stdout]")
    ] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read paths from standard input, one a line.")
    ] = False,
    threshold: Annotated[
        float | None, typer.Option(help="Abstain below this confidence.  [default: the calibration's]")
    ] = None,
    coverage: Annotated[
        float | None, typer.Option(help="Instead: the share of images to answer; needs a calibration.")
    ] = None,
    sets: Annotated[
        float | None,
        typer.Option(help="Add sets of classes that hold the true one this often, 0.9 for instance."),
    ] = None,
    calibrated: Annotated[
        bool, typer.Option("--calibrated/--raw", help="Use the run's calibration where it has one.")
    ] = True,
    errors: Annotated[Path | None, typer.Option(help="CSV of the files that could not be read.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a kill left it.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Begin again; replace what is there.")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON-lines on stdout instead of CSV.")] = False,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="[default: 64 on a CPU, what a GPU's memory holds]")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Threads that decode images.")] = 4,
    backbone: RunBackbone = None,
    weights: Weights = None,
    device: Device = "auto",
    precision: RunPrecision = None,
) -> None:
    """Predict images without labels: class, probabilities, abstention, sets; a row an image.

    Exit status: 0 all images were read, 1 some could not be read (they are listed), 2 the call was wrong.
    """
    from vr.data.loading.unlabelled import check_paths, image_paths, read_path_list, require_images
    from vr.evaluation import calibration as calibrations
    from vr.inference import predict as predicting
    from vr.inference.decision import decision
    from vr.runs import run as runs
    from vr.runtime.progress import count_bar

    check_paths(paths or ())
    if out is not None and predicting.is_finished(out, resume=resume, force=force):
        typer.echo(f"{out} is finished already", err=True)
        return
    if not (force or resume):
        options.check_free(errors)
    given: Iterable[Path | str] = chain(paths or (), read_path_list(sys.stdin.buffer) if stdin else ())
    rule = decision(
        runs.read_config(run_directory).card.class_names,
        calibrations.load(run_directory) if calibrated else None,
        threshold=threshold,
        coverage=coverage,
        sets=sets,
    )
    found = require_images(image_paths(given))
    run = runs.load_run(run_directory, backbone=backbone, weights=weights, device=device, precision=precision)
    if out is None:
        outcome = predicting.predict_to_stream(
            run, rule, found, sys.stdout.write, jsonl=jsonl, batch_size=batch_size, workers=workers
        )
    else:
        with count_bar("predicting", None) as advance:
            outcome = predicting.predict_to_file(
                run,
                rule,
                found,
                out,
                batch_size=batch_size,
                workers=workers,
                resume=resume,
                force=force,
                say=_say,
                progress=advance,
            )
        _say(f"{out}: {outcome.rows:,} images")
    if errors is not None:
        predicting.write_errors(outcome.unreadable, errors)
    for line in predicting.error_lines(outcome.unreadable):
        _say(line)
    raise typer.Exit(1 if outcome.unreadable else 0)


def calibrate(
    run_directory: RunDirectory,
    data: Annotated[
        Path | None, typer.Option("--data", help="Labelled images.  [default: the run's collection]")
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", help="coop, folder, manifest, npz or dicom; else by looking.")
    ] = None,
    split: Annotated[Pool | None, typer.Option(help="[default: val, or train where there is no val]")] = None,
    coverage: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of images to answer, abstaining from the others.")
    ] = 0.8,
    set_score: Annotated[SetScore, typer.Option(help="How prediction sets are made.")] = SetScore.lac,
    force: Annotated[bool, typer.Option("--force", help="Replace a calibration that is there.")] = False,
    backbone: RunBackbone = None,
    weights: Weights = None,
    device: Device = "auto",
    precision: RunPrecision = None,
) -> None:
    """Make probabilities mean what they say, on labelled images that training did not see.

    The test set is never used. Half of the images fit a temperature; the others the abstention threshold
    and the prediction sets.
    """
    from vr.data.sources import open_source
    from vr.evaluation import calibration as calibrations
    from vr.evaluation import calibration_report
    from vr.evaluation.calibrate import calibrate_run
    from vr.runs import run as runs
    from vr.runtime.progress import count_bar

    if not force:
        options.check_free(run_directory / runs.CALIBRATION)
    run = runs.load_run(run_directory, backbone=backbone, weights=weights, device=device, precision=precision)
    where = data or (Path(run.config.data) if run.config.data else None)
    source = open_source(run.card, where, format=format or run.config.data_format)
    with count_bar("scoring", None) as advance:
        found = calibrate_run(
            run,
            source,
            pool=None if split is None else split.value,
            coverage=coverage,
            score=set_score.value,
            say=typer.echo,
            progress=advance,
        )
    for line in calibration_report.lines(found, calibration_report.on_test(run_directory, found)):
        typer.echo(line)
    names = ", ".join(calibrations.FILES)
    typer.echo(f"written into {run_directory}: {names}")
    typer.echo(f"next: vr report {run_directory} shows what it is worth")


def _say(line: str) -> None:
    typer.echo(line, err=True)
