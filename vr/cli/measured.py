"""How `vr train` and `vr eval` print a run's metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from vr.evaluation.metrics import METRICS


def show(path: Path) -> None:
    """Print the metrics of a run directory, and where it and its report are."""
    from vr.runs import run as runs

    for line in metric_lines(runs.read_metrics(path)):
        typer.echo(line)
    typer.echo(f"run: {path}")
    typer.echo(f"report: {path / runs.REPORT}")


def metric_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Lines that say what `metrics.json` holds."""
    width = max(len(metric.title) for metric in METRICS.values())
    lines = [f"{metrics['split']}: {metrics['images']} images"]
    for key, metric in METRICS.items():
        line = f"  {metric.title:<{width}}  {metric.text(metric.read(metrics))}"
        if low_high := metrics["intervals"].get(key):
            line += f" (95%: {' to '.join(metric.number(edge) for edge in low_high)})"
        lines.append(line)
    return [*lines, *_class_lines(metrics["per_class"]), *_oracle_lines(metrics.get("oracle"))]


def _class_lines(per_class: Mapping[str, Any]) -> list[str]:
    width = max(map(len, per_class))
    lines = []
    for name, values in per_class.items():
        recall = "no images" if values["recall"] is None else f"recall {100 * values['recall']:5.1f}%"
        lines.append(f"  {name:<{width}}  {recall}  of {values['images']}")
    return lines


def _oracle_lines(oracle: Mapping[str, Any] | None) -> list[str]:
    if oracle is None:
        return []
    return [
        f"  oracle (selected on the test set, not a result): {100 * oracle['accuracy']:.1f}% "
        f"in epoch {oracle['epoch']}"
    ]
