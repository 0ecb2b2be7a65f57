"""`vr eval` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli import measured, options


def evaluate(
    run_directory: options.RunDirectory,
    data: options.RunData = None,
    data_format: options.Format = None,
    split: Annotated[str, options.option(options.IMAGES, "train, val or test.")] = "test",
    backbone: options.RunBackbone = None,
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.RunPrecision = None,
    out: Annotated[
        Path | None,
        options.option(options.OUTPUT, "Folder of the results.", default="RUN, or RUN/SPLIT if not test"),
    ] = None,
) -> None:
    """Measure a trained run again.

    Writes metrics.json, predictions.csv and report.html.

    Several GPUs share the images: torchrun --nproc-per-node 2 -m vr eval RUN.
    """
    from vr.runs import run as runs
    from vr.runs.images import no_images, open_images

    source = open_images(runs.trained_config(run_directory), data, data_format)
    if not source.splits.get(split):
        raise no_images(source)

    from vr.evaluation.evaluation import evaluate_run
    from vr.report.run_report import write_report
    from vr.runtime.device import resolve_device
    from vr.runtime.distributed import processes
    from vr.runtime.progress import count_bar

    with processes(resolve_device(device)) as group:
        run = runs.load_run(
            run_directory, backbone=backbone, weights=weights, device=group.device, precision=precision
        )
        folder = out or (run.path if split == "test" else run.path / split)
        with count_bar(split, len(source.splits.get(split, ())), shown=group.leads) as advance:
            metrics = evaluate_run(run, source, split=split, out=folder, group=group, progress=advance)
    if not group.leads:
        return
    for line in measured.metric_lines(metrics):
        typer.echo(line)
    page = write_report(run.path, results=folder, run=run, source=source)
    typer.echo(f"written: {folder / runs.METRICS}, {folder / runs.PREDICTIONS}, {page}")
