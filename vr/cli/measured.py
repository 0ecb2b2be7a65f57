"""How `vr train` and `vr eval` print a run's metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer


def show(path: Path) -> None:
    """Print the metrics of a run directory, and where it and its report are."""
    from vr.runs import run as runs

    for line in metric_lines(runs.read_metrics(path)):
        typer.echo(line)
    typer.echo(f"run: {path}")
    typer.echo(f"report: {path / runs.REPORT}")


def metric_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Lines that say what `metrics.json` holds."""
    overall, intervals = metrics["overall"], metrics["intervals"]

    def percent(key: str) -> str:
        if overall[key] is None:
            return "not defined"
        low_high = intervals.get(key)
        spread = "" if low_high is None else f" (95%: {100 * low_high[0]:.1f} to {100 * low_high[1]:.1f})"
        return f"{100 * overall[key]:.1f}%{spread}"

    lines = [
        f"{metrics['split']}: {metrics['images']} images",
        f"  accuracy           {percent('accuracy')}",
        f"  balanced accuracy  {percent('balanced_accuracy')}",
        f"  macro F1           {percent('macro_f1')}",
        f"  AUROC              {percent('auroc')}",
        f"  ECE                {percent('ece')}",
        f"  NLL                {overall['nll']:.3f}",
    ]
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
