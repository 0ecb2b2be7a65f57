"""One intensity scale for all images of a collection that have more than 8 bits."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.decoding.intensity import ValueRange, union
from vr.data.formats.source import ImageSource
from vr.data.loading.parallel import ordered_map


@runtime_checkable
class _DeepSource(Protocol):
    """A source whose images may have more than 8 bits."""

    intensity: tuple[float, float] | None
    notes: tuple[str, ...]

    def value_range(self, item_path: str) -> ValueRange | None: ...


def with_intensity(card: Card, source: ImageSource) -> tuple[Card, ImageSource]:
    """Card and source with the values that are shown black and white, if any image has more than 8 bits.

    They are taken from all images together, so that equal values look equal in every image. The card keeps
    them (`images.intensity`), and so does the run that is trained with it. DICOM files have windows instead.
    Images that cannot be read do not count here.
    """
    if card.images is None or card.images.intensity is not None or not isinstance(source, _DeepSource):
        return card, source
    paths = [item.path for items in source.splits.values() for item in items]
    ranges = _ranges(source, paths)
    whole = union(ranges)
    if whole is None:
        return card, source
    black, white = whole.limits()
    note = (
        f"{len(ranges)} images have more than 8 bits, with values from {whole.low:g} to {whole.high:g}: "
        f"{black:g} is shown black and {white:g} white in all of them."
    )
    images = card.images.model_copy(update={"intensity": (black, white)})
    source = dataclasses.replace(source, intensity=(black, white), notes=(*source.notes, note))  # type: ignore[type-var]
    return card.model_copy(update={"images": images}), source


def _ranges(source: _DeepSource, paths: Sequence[str]) -> list[ValueRange]:
    def value_range(path: str) -> ValueRange | None:
        try:
            return source.value_range(path)
        except UserError:  # it is told where the image is needed
            return None

    ranges = ordered_map(value_range, paths, workers=min(8, os.cpu_count() or 1))
    return [known for known in ranges if known is not None]
