"""How `vr train` and `vr eval` print a run's metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from attrgen.core.errors import UserError
from attrgen.core.shell import command
from attrgen.core.wording import counted
from vr.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from vr.runs.run import Run


def show(path: Path) -> None:
    """Print the metrics of a run directory, and where it and its report are."""
    from vr.runs import run as runs

    for line in (*metric_lines(runs.read_metrics(path)), *calibration_lines(path)):
        typer.echo(line)
    typer.echo(f"run: {path}")
    typer.echo(f"report: {path / runs.REPORT}")


def calibration_lines(path: Path) -> list[str]:
    """What calibration changes in the metrics of a run's test images, which are those before it."""
    from vr.evaluation import calibration as calibrations
    from vr.evaluation import calibration_assessment

    try:
        calibration = calibrations.load(path)
    except UserError:  # of an earlier training: commands that use it refuse it and say so
        return []
    test = None if calibration is None else calibration_assessment.on_test(path, calibration)
    if test is None:
        return []
    return [
        "calibration: ECE and NLL above are before it; after it: "
        f"ECE {100 * test['ece_after']:.1f}%, NLL {test['nll_after']:.3f}"
    ]


def show_folds(folds: Sequence[Run]) -> None:
    """Print the metrics of a cross-validation, and where its run directories are."""
    from vr.training.cross_validation import spread_lines

    for line in spread_lines(folds):
        typer.echo(line)
    parent = folds[0].path.parent
    typer.echo(f"runs: {parent}")
    typer.echo(f"next: {command('vr', 'table', parent)}")


def metric_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Lines that say what `metrics.json` holds."""
    width = max(len(metric.title) for metric in METRICS.values())
    of_all = (
        f" of {metrics['limited_from']} (--limit: a quick try, no result)"
        if "limited_from" in metrics
        else ""
    )
    in_groups = f", in {counted(metrics['groups'], 'group')}" if "groups" in metrics else ""
    lines = [f"{metrics['split']}: {metrics['images']} images{of_all}{in_groups}"]
    for key, metric in METRICS.items():
        line = f"  {metric.title:<{width}}  {metric.text(metric.read(metrics))}"
        if low_high := metrics["intervals"].get(key):
            line += f" (95%: {' to '.join(metric.number(edge) for edge in low_high)})"
        lines.append(line)
    if metrics.get("unreadable"):
        lines.append(f"  {metrics['unreadable']} more images cannot be read and are left out")
    if metrics.get("seen"):
        from vr.runs.metrics_file import seen_note

        lines.append(f"  {seen_note(metrics)}")
    lines += _class_lines(metrics["per_class"])
    lines += _operating_lines(metrics.get("operating_point"))
    return [*lines, *_warning_lines(metrics), *_oracle_lines(metrics.get("oracle"))]


def _class_lines(per_class: Mapping[str, Any]) -> list[str]:
    width = max(map(len, per_class))
    lines = []
    for name, values in per_class.items():
        recall = "no images" if values["recall"] is None else f"recall {100 * values['recall']:5.1f}%"
        lines.append(f"  {name:<{width}}  {recall}  of {values['images']}")
    return lines


def _operating_lines(point: Mapping[str, Any] | None) -> list[str]:
    if point is None:
        return []
    from vr.evaluation.binary_measures import NAMES

    lines = [f"operating point: {point['sentence']}"]
    width = max(map(len, NAMES.values()))
    for key, name in NAMES.items():
        value, low_high = point[key], point["intervals"][key]
        shown = "not defined" if value is None else f"{100 * value:.1f}%"
        interval = "" if low_high is None else " (95%: {:.1f} to {:.1f})".format(*(100 * v for v in low_high))
        lines.append(f"  {name:<{width}}  {shown}{interval}")
    lines.append(
        f"  PPV and NPV hold where {100 * point['prevalence']:.1f}% of the images show the class, as here"
    )
    return lines


def _warning_lines(metrics: Mapping[str, Any]) -> list[str]:
    """What makes the figures above of little use: a model that answers one class, or never some of them."""
    answered = [sum(column) for column in zip(*metrics["confusion_matrix"], strict=True)]
    names = list(metrics["per_class"])
    never = [
        name
        for name, times in zip(names, answered, strict=True)
        if not times and metrics["per_class"][name]["images"]
    ]
    if sum(times > 0 for times in answered) == 1 and len(names) > 1:
        only = names[max(range(len(names)), key=answered.__getitem__)]
        return [f"  warning: every image is answered '{only}': this model tells no classes apart"]
    return [f"  note: never answered, although images show it: {name}" for name in never]


def _oracle_lines(oracle: Mapping[str, Any] | None) -> list[str]:
    if oracle is None:
        return []
    return [
        f"  oracle (selected on the test set, not a result): {100 * oracle['accuracy']:.1f}% "
        f"in epoch {oracle['epoch']}"
    ]
