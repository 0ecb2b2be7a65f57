"""`vr train` on the command line: parse, call, print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vr.cli import measured, options, values
from vr.cli import options_train as own

if TYPE_CHECKING:
    from vr.runs.experiment import Experiment, Resolved
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
    early_stopping: own.EarlyStopping = None,
    class_weights: own.ClassWeights = None,
    validate_epochs: own.ValidateEpochs = False,
    limit: own.Limit = None,
    select: own.SelectOption = options.Select.last,
    oracle: own.Oracle = False,
    folds: own.Folds = None,
    skip_unreadable: own.SkipUnreadable = False,
    config: own.Config = None,
    backbone: options.Backbone = "ViT-B-16-quickgelu",
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.ComputeIn = options.Precision.auto,
    out: own.Out = None,
    tensorboard: own.Tensorboard = False,
    resume: own.Resume = False,
    fresh: own.Fresh = False,
    dry_run: own.DryRun = False,
) -> None:
    """Train on a few labelled images per class, then measure.

    The run directory then has what was learned, metrics and predictions of the test set, and a report.
    """
    asked = _asked(context, config, set_ or (), keeps_path=resume or fresh)
    if dry_run:
        return _show_plan(asked)
    return _show(_run(asked, resume=resume, fresh=fresh, tensorboard=tensorboard))


def _show(finished: Sequence[Run]) -> None:
    if len(finished) == 1:
        measured.show(finished[0].path)
    else:
        measured.show_folds(finished)


def _asked(
    context: typer.Context, config: Path | None, settings: Sequence[str], *, keeps_path: bool
) -> Experiment:
    """What flags ask for, or a file with the flags that were typed."""
    if config is None:
        return values.experiment(context.params, settings)
    from vr.runs.repeat import experiment_of

    base = experiment_of(config, own.flags_of_files(context))
    if config.suffix == ".json" and not keeps_path:  # never into the run that is repeated
        base = base.model_copy(update={"out": None})
    return values.experiment(values.typed(context), settings, base)


def _show_plan(asked: Experiment) -> None:
    from vr.training.plan import plan

    for line in plan(asked, typer.echo):
        typer.echo(line)


def _check_attributes(resolved: Resolved) -> None:
    """Say in one line what the linter finds in the attribute set."""
    import attrgen
    from attrgen.core.shell import command
    from attrgen.core.wording import counted
    from attrgen.schema.filling import card_option
    from vr.runtime.cache import cache_folder

    file = resolved.attributes_file
    if file is None or (resolved.asked.fold or 1) > 1:
        return
    findings = attrgen.check(file, resolved.card, cache=cache_folder() / "checks")
    levels = Counter(finding.level for finding in findings)
    counts = [counted(levels[level], level) for level in ("error", "warning") if levels[level]]
    if counts:
        shown = command("attrgen", "check", file, *card_option(resolved.asked.dataset))
        typer.echo(f"note: {file} has {' and '.join(counts)}; {shown} shows them")


def _run(asked: Experiment, *, resume: bool, fresh: bool, tensorboard: bool) -> list[Run]:
    from vr.runtime.progress import epoch_bar
    from vr.training.cross_validation import cross_validate
    from vr.training.train import run_experiment

    with epoch_bar(asked.method, 0) as on_epoch:
        options: dict[str, Any] = {"say": typer.echo, "on_epoch": on_epoch}
        options |= {"resume": resume, "fresh": fresh, "tensorboard": tensorboard}
        options["on_resolved"] = _check_attributes
        try:
            if asked.folds is not None and asked.fold is None:
                return cross_validate(asked, **options)
            return [run_experiment(asked, **options)]
        except KeyboardInterrupt:
            typer.echo("stopped; the same command with --resume continues after the last epoch", err=True)
            raise
