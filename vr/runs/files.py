"""The names of a run directory's files, and the commands that complete it."""

from __future__ import annotations

from pathlib import Path

from attrgen.core.shell import command

CONFIG, FEWSHOT, ATTRIBUTES = "config.json", "fewshot.json", "attributes.json"
CHECKPOINT, MODEL = "checkpoint.safetensors", "model.safetensors"
METRICS, PREDICTIONS, REPORT = "metrics.json", "predictions.csv", "report.html"
CLASSES_CSV, CONFUSIONS_CSV = "classes.csv", "confusions.csv"  # beside the report of many classes
CALIBRATION, RISK_CSV, RISK_PNG = "calibration.json", "coverage_risk.csv", "coverage_risk.png"
OPERATING_POINT, ROC_CSV, PR_CSV = "operating_point.json", "roc.csv", "pr.csv"


def resume_command(path: Path) -> str:
    """The command that finishes an unfinished run."""
    return command("vr", "train", "--config", path / CONFIG, "--resume")


def how_to_measure(path: Path) -> str:
    """The remedy for a run without metrics: to finish its training, or to measure what was trained."""
    trained = (path / MODEL).is_file()
    return f"Measure it: {command('vr', 'eval', path)}." if trained else f"Finish it: {resume_command(path)}."
