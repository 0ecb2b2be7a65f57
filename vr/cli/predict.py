"""`vr predict` on the command line: parse, call, print."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vr.cli import options, values
from vr.cli import options_predict as own

if TYPE_CHECKING:
    from vr.inference.decision import Decision
    from vr.inference.predict import Outcome
    from vr.runs.run import Run


def predict(
    run_directory: options.RunDirectory,
    paths: own.Paths = None,
    stdin: own.Stdin = False,
    workers: own.Workers = 4,
    threshold: own.Threshold = None,
    coverage: own.Coverage = None,
    sets: own.Sets = None,
    calibrated: own.Calibrated = True,
    out: own.Out = None,
    jsonl: own.Jsonl = False,
    errors: own.Errors = None,
    resume: own.Resume = False,
    force: own.Restart = False,
    backbone: options.RunBackbone = None,
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.RunPrecision = None,
    batch_size: own.BatchSize = None,
) -> None:
    """Predict unlabelled images.

    One row per image: class, probabilities, abstention, and a prediction set where asked for.

    Exit status: 0 all images were read, 1 some could not be read (they are listed), 2 the call was wrong.
    """
    from vr.data.loading.unlabelled import check_paths, image_paths, read_path_list, require_images
    from vr.inference.output import is_finished
    from vr.runs import run as runs

    check_paths(paths or ())
    if out is not None and is_finished(out, resume=resume, force=force):
        _say(f"{out} is finished already")
        return
    if not (force or resume):
        values.check_free(errors)
    runs.trained_config(run_directory)

    from vr.inference import predict as predicting

    rule = _rule(run_directory, calibrated, threshold=threshold, coverage=coverage, sets=sets)
    images = require_images(
        image_paths(chain(paths or (), read_path_list(sys.stdin.buffer) if stdin else ()))
    )
    run = runs.load_run(run_directory, backbone=backbone, weights=weights, device=device, precision=precision)
    if out is None:
        outcome = predicting.predict_to_stream(
            run, rule, images, sys.stdout.write, jsonl=jsonl, batch_size=batch_size, workers=workers
        )
    else:
        outcome = _to_file(
            run, rule, images, out, batch_size=batch_size, workers=workers, resume=resume, force=force
        )
    _end(outcome, errors)


def _rule(run_directory: Path, calibrated: bool, **wishes: float | None) -> Decision:
    from vr.evaluation import calibration as calibrations
    from vr.inference.decision import decision
    from vr.runs import run as runs

    classes = runs.read_config(run_directory).card.class_names
    return decision(
        classes, calibrations.load(run_directory) if calibrated else None, run=run_directory, **wishes
    )


def _to_file(
    run: Run,
    rule: Decision,
    images: Iterable[str],
    out: Path,
    *,
    batch_size: int | None,
    workers: int,
    resume: bool,
    force: bool,
) -> Outcome:
    from vr.inference import predict as predicting
    from vr.runtime.progress import count_bar

    with count_bar("predicting", None) as advance:
        outcome = predicting.predict_to_file(
            run,
            rule,
            images,
            out,
            batch_size=batch_size,
            workers=workers,
            resume=resume,
            force=force,
            say=_say,
            progress=advance,
        )
    _say(f"{out}: {outcome.rows:,} images")
    return outcome


def _end(outcome: Outcome, errors: Path | None) -> None:
    from vr.inference import predict as predicting

    if errors is not None:
        predicting.write_errors(outcome.unreadable, errors)
    for line in predicting.error_lines(outcome.unreadable):
        _say(line)
    raise typer.Exit(1 if outcome.unreadable else 0)


def _say(line: str) -> None:
    typer.echo(line, err=True)
