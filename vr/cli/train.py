"""`vr train` on the command line: parse, call, print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from vr.cli import measured, options, values
from vr.cli import options_train as own

if TYPE_CHECKING:
    from vr.runs.experiment import Experiment
    from vr.runs.run import Run


def train(
    context: typer.Context,
    attrs: options.Attributes = None,
    dataset: options.Dataset = None,
    data: options.Data = None,
    data_format: options.Format = None,
    classes: options.Classes = "",
    shots: options.Shots = 16,
    seed: options.Seed = 1,
    fewshot: options.FewShot = None,
    method: own.Method = "biomedvr",
    preset: own.Preset = "default",
    set_: own.Set = None,
    fusion: own.FusionOption = None,
    gate: own.GateOption = None,
    gate_lr: own.GateLr = None,
    penalty: own.PenaltyOption = None,
    penalty_over: own.PenaltyOverOption = None,
    frame: own.Frame = None,
    epochs: own.Epochs = None,
    batch_size: own.BatchSize = None,
    lr: own.LearningRate = None,
    augment: own.Augment = None,
    select: own.SelectOption = options.Select.last,
    oracle: own.Oracle = False,
    backbone: options.Backbone = "ViT-B-16-quickgelu",
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.ComputeIn = options.Precision.auto,
    out: own.Out = None,
    tensorboard: own.Tensorboard = False,
    resume: own.Resume = False,
    fresh: own.Fresh = False,
) -> None:
    """Train on a few labelled images per class, then measure.

    The run directory then has the learned programs, metrics and predictions of the test set, and a report.
    """
    asked = values.experiment(context.params, set_ or ())
    path = _run(asked, resume=resume, fresh=fresh, tensorboard=tensorboard).path
    measured.show(path)


def _run(asked: Experiment, *, resume: bool, fresh: bool, tensorboard: bool) -> Run:
    from vr.runtime.progress import epoch_bar
    from vr.training.train import run_experiment

    with epoch_bar(asked.method, 0) as on_epoch:
        try:
            return run_experiment(
                asked, resume=resume, fresh=fresh, say=typer.echo, on_epoch=on_epoch, tensorboard=tensorboard
            )
        except KeyboardInterrupt:
            typer.echo("stopped; the same command with --resume continues after the last epoch", err=True)
            raise
