"""The collection that a run was trained on, opened again; a fold of it, where the run is one of several."""

from __future__ import annotations

from pathlib import Path

from attrgen.core.errors import UserError
from vr.data.formats.source import ImageSource
from vr.data.sampling.folds import draw_folds
from vr.data.sampling.view import without_unreadable
from vr.data.sources import open_source
from vr.runs.run import RunConfig


def open_images(config: RunConfig, data: Path | None = None, data_format: str | None = None) -> ImageSource:
    """The images of a run's card; with folds, the run's fold as the test split and the others as train.

    Args:
        data, data_format: where they are now and in which format; by default as the run recorded it. A
            collection other than the run's has its own splits.

    Raises:
        UserError: as for `vr.data.sources.open_source`, or the images changed since the folds were drawn.
    """
    path = data or (Path(config.data) if config.data else None)
    source = open_source(config.card, path, format=data_format or config.data_format)
    if config.fold is None:
        return source
    readable, _ = without_unreadable(source, source.splits)
    folds = draw_folds(readable, config.card, config.fold.folds, config.seed)
    if folds.digest == config.fold.digest:
        return folds.view(readable, config.fold.number)
    if data is not None:
        return source
    raise UserError(
        "the images have changed since the folds were drawn, so which of them are test images is unknown",
        code="run-folds-changed",
        file=source.root,
        remedy="Restore the images, or train again.",
    )


def no_images(source: ImageSource) -> UserError:
    """The error of a split without images."""
    return UserError(
        "there is no image to evaluate",
        code="evaluation-no-images",
        file=source.root,
        remedy="Check --data and --split.",
    )
