"""Everything that a report is made of: the files of a run, and its images and method if available."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from attrgen.core.errors import UserError
from attrgen.schema.attribute_set import AttributeSet
from vr.data.formats.source import ImageSource
from vr.runs import predictions
from vr.runs import run as runs
from vr.runs.history import Row, read_history
from vr.runs.images import open_images
from vr.runs.predictions import Predictions
from vr.runs.run import Run, RunConfig


@dataclass(frozen=True)
class ReportData:
    """A measured run.

    Attributes:
        results: the folder of metrics.json and predictions.csv; the run directory for its test split.
        run: with the backbone, to encode images; None if that cannot be loaded.
        source: the images; None if they cannot be opened.
        gaps: why something is missing, one sentence each.
    """

    path: Path
    results: Path
    config: RunConfig
    metrics: dict[str, Any]
    predictions: Predictions
    history: list[Row]
    attributes: AttributeSet | None
    run: Run | None = None
    source: ImageSource | None = None
    gaps: tuple[str, ...] = ()


def read(
    path: Path,
    *,
    results: Path | None = None,
    run: Run | None = None,
    source: ImageSource | None = None,
    gaps: tuple[str, ...] = (),
) -> ReportData:
    """Read a measured run.

    Raises:
        UserError: not a run directory, not measured yet, or a file in it is damaged.
    """
    folder = results or path
    config = runs.measured_config(path, folder)
    return ReportData(
        path=path,
        results=folder,
        config=config,
        metrics=runs.read_metrics(folder),
        predictions=predictions.load(folder / runs.PREDICTIONS),
        history=read_history(path),
        attributes=runs.load_attributes(path),
        run=run,
        source=source,
        gaps=gaps,
    )


def reopen(
    path: Path,
    *,
    data: Path | None = None,
    data_format: str | None = None,
    backbone: str | None = None,
    weights: str | None = None,
    device: torch.device | str = "cpu",
) -> ReportData:
    """Read a run with its images and backbone, if they are still available.

    Raises:
        UserError: as for `read`.
    """
    config = runs.read_config(path)
    gaps = []
    source = run = None
    try:
        source = open_images(config, data, data_format)
    except UserError as error:
        # The name alone: a page that is sent to others shows no folders of this computer.
        name = f"{Path(error.file).name}: " if error.file else ""
        gaps.append(f"No images are shown: {name}{error.what}. Give their folder with --data.")
    try:
        run = runs.load_run(path, backbone=backbone, weights=weights, device=device)
    except UserError as error:
        gaps.append(
            f"No programs and no texts behind mistakes are shown: {error.what}. {error.remedy}".strip()
        )
    return read(path, run=run, source=source, gaps=tuple(gaps))
