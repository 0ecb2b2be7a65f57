"""`vr eval` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vr.cli import measured, options
from vr.cli import options_eval as own

if TYPE_CHECKING:
    from vr.data.formats.source import ImageSource
    from vr.runs.run import Run
    from vr.runtime.distributed import Processes


def evaluate(
    context: typer.Context,
    run_directory: options.RunDirectory,
    data: options.RunData = None,
    data_format: options.Format = None,
    split: own.Split = "test",
    operating_point: own.Target = None,
    class_name: own.ClassName = None,
    choose_on: own.ChooseOn = None,
    backbone: options.RunBackbone = None,
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.RunPrecision = None,
    curves: own.Curves = False,
    out: own.Out = None,
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

    from vr.runtime.device import resolve_device
    from vr.runtime.distributed import processes

    with processes(resolve_device(device)) as group:
        run = runs.load_run(
            run_directory, backbone=backbone, weights=weights, device=group.device, precision=precision
        )
        if operating_point is not None:
            _choose(run, source, context.params)
        folder = out or (run.path if split == "test" else run.path / split)
        metrics = _measured(run, source, split, folder, group, renamed=data is not None)
    if group.leads:
        after = measured.calibration_lines(run.path) if folder == run.path else []
        for line in (*measured.metric_lines(metrics), *after):
            typer.echo(line)
        _write(run, source, folder=folder, curves=curves)


def _choose(run: Run, source: ImageSource, flags: dict[str, Any]) -> None:
    from vr.evaluation.choose_operating_point import choose_operating_point
    from vr.evaluation.operating_point import check_class, parse_target
    from vr.runtime.progress import count_bar

    target, value = parse_target(flags["operating_point"])
    name = check_class(flags["class_name"], run.card.class_names)
    pool = None if flags["choose_on"] is None else flags["choose_on"].value
    with count_bar("choosing", None) as advance:
        choose_operating_point(run, source, name, target, value, pool=pool, progress=advance)


def _measured(
    run: Run, source: ImageSource, split: str, folder: Path, group: Processes, *, renamed: bool
) -> dict[str, Any]:
    from vr.evaluation.evaluation import evaluate_run
    from vr.runtime.progress import count_bar

    with count_bar(split, len(source.splits.get(split, ())), shown=group.leads) as advance:
        return evaluate_run(
            run, source, split=split, out=folder, group=group, renamed=renamed, progress=advance
        )


def _write(run: Run, source: ImageSource, *, folder: Path, curves: bool) -> None:
    from vr.report.run_report import write_report
    from vr.runs import predictions
    from vr.runs import run as runs

    written = [folder / runs.METRICS, folder / runs.PREDICTIONS]
    if curves:
        from vr.evaluation.curve_points import write_curves

        written += write_curves(predictions.load(folder / runs.PREDICTIONS), folder)
    written.append(write_report(run.path, results=folder, run=run, source=source))
    typer.echo(f"written: {', '.join(map(str, written))}")
