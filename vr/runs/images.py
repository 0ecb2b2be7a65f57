"""The collection that a run was trained on, opened again."""

from __future__ import annotations

from pathlib import Path

from vr.data.formats.source import ImageSource
from vr.data.sources import open_source
from vr.runs.run import RunConfig


def open_images(config: RunConfig, data: Path | None = None, data_format: str | None = None) -> ImageSource:
    """The images of a run's card.

    Args:
        data, data_format: where they are now and in which format; by default as the run recorded it.

    Raises:
        UserError: as for `vr.data.sources.open_source`.
    """
    path = data or (Path(config.data) if config.data else None)
    return open_source(config.card, path, format=data_format or config.data_format)
