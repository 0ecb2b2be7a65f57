"""Many runs on one page: a table that sorts by any column, with a link to each run's report."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from vr.evaluation.metrics import METRICS
from vr.report import page
from vr.report.comparison.results import Result
from vr.runs import run as runs

INDEX = "index.html"
_SETTINGS = ("dataset", "method", "backbone", "shots", "seed", "images")  # a column where runs differ in it
_SCRIPT = Path(__file__).with_name("index_page.js")


def write_index(results: Sequence[Result], out: Path | None = None) -> Path:
    """Write the index of finished runs; by default `index.html` in the nearest folder that holds them all.

    Raises:
        UserError: another file is there, or the folder cannot be written.
    """
    folders = [str(result.path.resolve()) for result in results]
    common = Path(os.path.commonpath(folders))
    path = out or (common.parent if (common / runs.CONFIG).is_file() else common) / INDEX
    page.write(path, make_index(results, path.resolve().parent), "index")
    return path


def make_index(results: Sequence[Result], folder: Path) -> str:
    """The page, as HTML that needs no other file; links are relative to `folder`."""
    script = _SCRIPT.read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rows = [_row(result, folder) for result in results]
    varying = [key for key in _SETTINGS if len({row[key] for row in rows}) > 1]
    return page.render(
        "index.html.j2",
        "index",
        script=Markup(script),
        digest=digest,
        metrics=METRICS,
        rows=rows,
        varying=varying,
        common={key: rows[0][key] for key in _SETTINGS if key not in varying},
    )


def _row(result: Result, folder: Path) -> dict[str, Any]:
    config = result.config
    report = result.path.resolve() / runs.REPORT
    link = quote(Path(os.path.relpath(report, folder)).as_posix()) if report.is_file() else None
    return {
        "link": link,
        "path": os.path.relpath(result.path.resolve(), folder),
        "dataset": config.card.name,
        "method": result.label,
        "backbone": result.backbone,
        "shots": config.shots,
        "seed": config.seed if config.fold is None else f"{config.seed}, fold {config.fold.number}",
        "images": result.metrics["images"],
        "values": {key: metric.read(result.metrics) for key, metric in METRICS.items()},
        "intervals": result.metrics["intervals"],
    }
