"""`vr train --folds K`: one experiment per fold, and the spread of their metrics."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

from vr.evaluation.metrics import METRICS
from vr.runs import run as runs
from vr.runs.experiment import Experiment, resolve
from vr.runs.run import Run
from vr.training.sample import draw_sample, training_source
from vr.training.train import run_experiment


def fold_experiments(asked: Experiment) -> list[Experiment]:
    """The experiments of a cross-validation, one per fold."""
    return [asked.model_copy(update={"fold": number}) for number in range(1, (asked.folds or 0) + 1)]


def cross_validate(asked: Experiment, **options: Any) -> list[Run]:
    """Train and evaluate every fold, each into its run directory.

    Args:
        asked: with `folds`.
        options: of `vr.training.train.run_experiment`; `resume` skips folds that are finished.

    Raises:
        UserError: as for `run_experiment`; a fold without enough training images is found before training.
    """
    experiments = fold_experiments(asked)
    for experiment in experiments:
        resolved = resolve(experiment)
        source, *_ = training_source(resolved)
        draw_sample(resolved, source)
    finished: list[Run] = []
    for experiment in experiments:
        backbone = finished[0].method.context.backbone if finished else options.pop("backbone", None)
        finished.append(run_experiment(experiment, backbone=backbone, **options))
    return finished


def spread_lines(folds: Sequence[Run]) -> list[str]:
    """Mean and standard deviation of every metric over folds, a line each."""
    metrics = [runs.read_metrics(run.path) for run in folds]
    width = max(len(metric.title) for metric in METRICS.values())
    images = sum(of_fold["images"] for of_fold in metrics)
    lines = [f"{len(folds)} folds, {images} images: mean ± standard deviation"]
    for metric in METRICS.values():
        values = [value for of_fold in metrics if (value := metric.read(of_fold)) is not None]
        if len(values) < 2:
            lines.append(f"  {metric.title:<{width}}  not defined")
            continue
        mean, std = metric.text(fmean(values)), metric.number(stdev(values))
        lines.append(f"  {metric.title:<{width}}  {mean} ± {std}")
    return lines
