"""One intensity scale for all images of a collection that have more than 8 bits."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.decoding.intensity import Limits, ValueRange, union
from vr.data.formats.source import ImageSource
from vr.data.loading.parallel import ordered_map


class Ranged(Protocol):
    """A source that knows the range of values of its images of more than 8 bits."""

    def value_range(self, item_path: str) -> ValueRange | None: ...


@runtime_checkable
class _DeepSource(Ranged, Protocol):
    """A collection whose images may have more than 8 bits."""

    intensity: Limits | None
    notes: tuple[str, ...]


def with_intensity(card: Card, source: ImageSource) -> tuple[Card, ImageSource]:
    """Card and source with the values that are shown black and white, if any image needs a scale.

    They are taken from all images together, so that equal values look equal in every image. The card keeps
    them (`images.intensity`), and so does the run that is trained with it. DICOM files with a window need no
    scale. Images that cannot be read do not count here.
    """
    if card.images is None or card.images.intensity is not None or not isinstance(source, _DeepSource):
        return card, source
    limits, note = common_scale(source, (item.path for items in source.splits.values() for item in items))
    if limits is None:
        return card, source
    images = card.images.model_copy(update={"intensity": limits})
    source = dataclasses.replace(source, intensity=limits, notes=(*source.notes, note))  # type: ignore[type-var]
    return card.model_copy(update={"images": images}), source


def common_scale(source: Ranged, paths: Iterable[str]) -> tuple[Limits | None, str]:
    """The values to show black and white in all of these images, and a note; None if none needs a scale."""
    ranges = _ranges(source, paths)
    whole = union(ranges)
    if whole is None:
        return None, ""
    black, white = whole.limits()
    subject = "1 image has" if len(ranges) == 1 else f"{len(ranges)} images have"
    note = (
        f"{subject} more than 8 bits and no window, with values from {whole.low:g} to {whole.high:g}: "
        f"{black:g} is shown black and {white:g} white in all of them. "
        "A card can set other values: images.intensity, or images.window for DICOM files."
    )
    return (black, white), note


def _ranges(source: Ranged, paths: Iterable[str]) -> list[ValueRange]:
    def value_range(path: str) -> ValueRange | None:
        try:
            return source.value_range(path)
        except UserError:  # it is reported where the image is needed
            return None

    ranges = ordered_map(value_range, paths, workers=min(8, os.cpu_count() or 1))
    return [known for known in ranges if known is not None]
