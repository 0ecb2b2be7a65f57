"""`vr tune` on the command line: parse, call, print."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vr.cli import measured, options, values
from vr.cli import options_train as training

if TYPE_CHECKING:
    from vr.training.studies.tuning import Trial

TUNING = "Tuning"


class By(StrEnum):
    """Where trials are scored."""

    folds = "folds"
    val = "val"


Trials = Annotated[int, options.option(TUNING, "Settings to try, the defaults among them.", min=1)]
ByOption = Annotated[
    By, options.option(TUNING, "Score on folds of the training images, or on the validation images.")
]
InnerFolds = Annotated[int, options.option(TUNING, "Folds of the training images.", "--inner-folds", min=2)]
Search = Annotated[
    list[str] | None,
    options.option(
        TUNING,
        "A setting to tune, KEY=LOW..HIGH or KEY=a|b|c. Repeatable.",
        default="the learning rate and the method's options",
    ),
]


def tune(
    context: typer.Context,
    attrs: options.Attributes = None,
    dataset: options.Dataset = None,
    data: options.Data = None,
    data_format: options.Format = None,
    classes: options.Classes = "",
    shots: options.Shots = 16,
    seed: options.Seed = 1,
    fewshot: options.FewShot = None,
    method: training.Method = "biomedvr",
    preset: training.Preset = "default",
    set_: training.Set = None,
    epochs: training.Epochs = None,
    trials: Trials = 20,
    by: ByOption = By.folds,
    inner_folds: InnerFolds = 4,
    search: Search = None,
    backbone: options.Backbone = "ViT-B-16-quickgelu",
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.ComputeIn = options.Precision.auto,
    runs: Annotated[Path, options.option(options.OUTPUT, "Folder of the run directories.")] = Path("runs"),
) -> None:
    """Choose a method's settings without the test set, then train.

    Give every method of a table the same --trials. The run records how its settings were chosen, and tables
    mark it. A study that was stopped continues with the same command.
    """
    from vr.training.studies.space import parse
    from vr.training.studies.tuning import Budget, tune

    asked = values.experiment(context.params, set_ or ())
    budget = Budget(trials, "val" if by is By.val else "folds", inner_folds)
    try:
        run = tune(
            asked,
            budget,
            parse(search or ()),
            say=typer.echo,
            on_trial=lambda trial: typer.echo(_line(trial, trials)),
            resume=True,
        )
    except KeyboardInterrupt:
        typer.echo("stopped; the same command continues after the last trial", err=True)
        raise
    measured.show(run.path)


def _line(trial: Trial, trials: int) -> str:
    settings = ", ".join(
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in trial.settings.items()
    )
    result = "diverged" if trial.accuracy is None else f"{100 * trial.accuracy:.1f}%"
    return f"trial {trial.number} of {trials}: {result} (best {100 * trial.best:.1f}%): {settings}"
