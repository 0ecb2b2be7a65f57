"""`vr bench` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vr.cli import options

STEP, PREDICTION = "Training step", "Prediction"


def bench(
    context: typer.Context,
    batch_size: Annotated[int, options.option(STEP, "Training images per step.", min=1)] = 64,
    frame: Annotated[
        int | None,
        options.option(STEP, "Width of the frame in pixels.", min=1, default="the backbone's"),
    ] = None,
    steps: Annotated[int, options.option(STEP, "Measurements of each path; the median is shown.", min=1)] = 5,
    backbone: options.Backbone = "mini",
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.ComputeIn = options.Precision.auto,
    as_json: options.AsJson = False,
    profile: Annotated[
        Path | None,
        options.option(
            options.OUTPUT,
            "Profile of a step of the last path: the time of each operation.",
            default="not written",
        ),
    ] = None,
    predict: Annotated[
        Path | None,
        options.option(
            PREDICTION,
            "Measure the stages of a prediction with this run instead, and say which one limits.",
            "--predict",
            metavar="RUN",
            default="a training step is measured",
        ),
    ] = None,
    side: Annotated[
        int, options.option(PREDICTION, "Side of the JPEG files that are drawn for it, in pixels.", min=32)
    ] = 512,
    workers: Annotated[int, options.option(PREDICTION, "Threads that decode.", min=1)] = 4,
) -> None:
    """Measure a training step, or the stages of a prediction.

    Of a step: time, memory and operations; the plain path and the fast ones are measured side by side.
    """
    if predict is not None:
        _stages(predict, device, side=side, workers=workers, as_json=as_json)
        return
    _step(context.params)


def _step(flags: dict[str, Any]) -> None:
    """Measure a training step and print it."""
    import json
    import os

    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's profiler logs to stderr; read when torch loads
    from attrgen.core.files import write_text
    from vr.clip import backbone as backbones
    from vr.runtime.device import resolve_device, resolve_precision
    from vr.training.benchmark.instruments import profile_page
    from vr.training.benchmark.measurement import measure
    from vr.training.benchmark.table import lines

    where = resolve_device(flags["device"])
    precision = resolve_precision(flags["precision"], where)
    loaded = backbones.load(flags["backbone"], flags["weights"], device=where, precision=precision)
    measured, last = measure(
        loaded,
        **{key: flags[key] for key in ("batch_size", "steps", "frame")},
        say=lambda line: typer.echo(line, err=True),
    )
    if flags["as_json"]:
        typer.echo(json.dumps(measured.as_json(), indent=2))
    else:
        for line in lines(measured):
            typer.echo(line)
    if flags["profile"] is not None:
        write_text(flags["profile"], profile_page(last, where))


def _stages(run: Path, device: str, *, side: int, workers: int, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from vr.runs import run as runs

    runs.trained_config(run)  # before torch is loaded

    from vr.inference.stages import measure

    rates = measure(runs.load_run(run, device=device), side=side, workers=workers)
    typer.echo(json.dumps(asdict(rates), indent=2) if as_json else "\n".join(rates.lines()))
