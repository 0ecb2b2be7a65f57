"""`vr train` and `vr eval` on the command line: parse, call, print."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vr.cli import options
from vr.cli.shared_options import (
    Backbone,
    Data,
    Device,
    Format,
    Precision,
    RunBackbone,
    RunDirectory,
    RunPrecision,
    Weights,
)


class Select(StrEnum):
    """Which epoch a run keeps: the last, or the best on validation; never the best on the test set."""

    last = "last"
    val = "val"


def train(
    attrs: Annotated[
        Path | None, typer.Option(help="Attribute set.  [default: attrs/DATASET.json, else the library]")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Card's name or path, or a collection.  [default: the set's]")
    ] = None,
    data: Data = None,
    format: Format = None,
    classes: Annotated[str, typer.Option(help="Only these classes, with commas between.")] = "",
    method: Annotated[
        str, typer.Option(help="biomedvr, attrvr, zero-shot, linear-probe, coop, …")
    ] = "biomedvr",
    preset: Annotated[str, typer.Option(help="default, paper, or an ablation of the method.")] = "default",
    shots: Annotated[int, typer.Option(min=1, help="Labelled images a class.")] = 16,
    seed: Annotated[int, typer.Option(help="Of the few-shot sample and of training.")] = 1,
    fewshot: Annotated[Path | None, typer.Option(help="Use the sample of this fewshot.json.")] = None,
    epochs: Annotated[int | None, typer.Option(min=0)] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    lr: Annotated[float | None, typer.Option(min=0, help="Learning rate of the programs.")] = None,
    augment: Annotated[
        bool | None, typer.Option("--augment/--no-augment", help="Random crops and flips.")
    ] = None,
    fusion: Annotated[str | None, typer.Option(help="add, subtract or learned.")] = None,
    gate: Annotated[str | None, typer.Option(help="shared, per-class, per-image or none.")] = None,
    gate_lr: Annotated[float | None, typer.Option(min=0, help="The gate's own learning rate.")] = None,
    penalty: Annotated[str | None, typer.Option(help="Against the fused or the positive score.")] = None,
    penalty_over: Annotated[str | None, typer.Option(help="all classes, or the others.")] = None,
    frame: Annotated[int | None, typer.Option(min=1, help="Width of the frame in pixels.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other option of the method or setting of the recipe, key=value."),
    ] = None,
    select: Annotated[Select, typer.Option(help="The epoch that is kept.")] = Select.last,
    oracle: Annotated[
        bool,
        typer.Option("--oracle", help="Also note the epoch best on the TEST set: no result, an upper bound."),
    ] = False,
    backbone: Backbone = "ViT-B-16-quickgelu",
    weights: Weights = None,
    device: Device = "auto",
    precision: Annotated[Precision, typer.Option()] = Precision.auto,
    out: Annotated[
        Path | None, typer.Option(help="Run directory.  [default: runs/DATASET/METHOD/SHOTS-shot/seed-N]")
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write events for TensorBoard into the run.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace a run that is there.")] = False,
) -> None:
    """Train on a few labelled images a class, then measure once on the test set."""
    from vr.runs import run as runs
    from vr.runs.experiment import Experiment, parted
    from vr.runtime.progress import epoch_bar
    from vr.training.train import run_experiment

    method_options = options.given(
        fusion=fusion, gate=gate, gate_lr=gate_lr, penalty=penalty, penalty_over=penalty_over, frame=frame
    )
    set_options, set_recipe = parted(options.assignments(set_ or ()))
    asked = Experiment(
        dataset=dataset,
        attrs=attrs,
        data=data,
        data_format=format,
        classes=options.names(classes),
        method=method,
        preset=preset,
        options={**method_options, **set_options},
        recipe={**options.given(epochs=epochs, batch_size=batch_size, lr=lr, augment=augment), **set_recipe},
        shots=shots,
        seed=seed,
        fewshot=fewshot,
        backbone=backbone,
        weights=weights,
        device=device,
        precision=precision.value,
        select=select.value,
        oracle=oracle,
        out=out,
    )
    with epoch_bar(method, 0) as on_epoch:
        try:
            run = run_experiment(
                asked, resume=resume, fresh=fresh, say=typer.echo, on_epoch=on_epoch, tensorboard=tensorboard
            )
        except KeyboardInterrupt:
            typer.echo("stopped; the same command with --resume goes on after the last whole epoch", err=True)
            raise
    for line in options.metric_lines(runs.read_metrics(run.path)):
        typer.echo(line)
    typer.echo(f"run: {run.path}")
    typer.echo(f"look: {run.path / runs.REPORT}")


def evaluate(
    run_directory: RunDirectory,
    data: Data = None,
    format: Format = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    backbone: RunBackbone = None,
    weights: Weights = None,
    device: Device = "auto",
    precision: RunPrecision = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results.  [default: RUN, or RUN/SPLIT if not test]")
    ] = None,
) -> None:
    """Measure a trained run again: predictions.csv, metrics.json and report.html.

    Several GPUs share the images: torchrun --nproc-per-node 2 -m vr eval RUN.
    """
    from vr.data.sources import open_source
    from vr.evaluation.evaluation import evaluate_run
    from vr.report.run_report import write_report
    from vr.runs import run as runs
    from vr.runtime.device import resolve_device
    from vr.runtime.distributed import processes
    from vr.runtime.progress import count_bar

    with processes(resolve_device(device)) as group:
        run = runs.load_run(
            run_directory, backbone=backbone, weights=weights, device=group.device, precision=precision
        )
        config = run.config
        where = data or (Path(config.data) if config.data else None)
        source = open_source(run.card, where, format=format or config.data_format)
        folder = out or (run.path if split == "test" else run.path / split)
        with count_bar(split, len(source.splits.get(split, ())), shown=group.leads) as advance:
            metrics = evaluate_run(run, source, split=split, out=folder, group=group, progress=advance)
    if not group.leads:
        return
    for line in options.metric_lines(metrics):
        typer.echo(line)
    page = write_report(run.path, results=folder, run=run, source=source)
    typer.echo(f"written: {folder / runs.METRICS}, {folder / runs.PREDICTIONS}, {page}")
