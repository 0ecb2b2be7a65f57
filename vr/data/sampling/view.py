"""A collection with other splits, or without images that cannot be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from vr.data.formats.source import ImageSource, Item
from vr.data.sampling.content import content_ids

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class View:
    """Another arrangement of a collection's images. See `vr.data.formats.source.ImageSource`."""

    source: ImageSource
    splits: Mapping[str, Sequence[Item]]
    notes: Sequence[str] = ()

    @property
    def root(self) -> Path:
        return self.source.root

    @property
    def remarks(self) -> Sequence[str]:
        return self.source.remarks

    @property
    def window(self) -> tuple[float, float] | None:
        """As the collection is decoded: what is cached of an image depends on it."""
        return getattr(self.source, "window", None)

    @property
    def intensity(self) -> tuple[float, float] | None:
        """As `window`."""
        return getattr(self.source, "intensity", None)

    def read(self, item_path: str) -> Image.Image:
        return self.source.read(item_path)

    def stamp(self, item_path: str) -> str:
        return self.source.stamp(item_path)


def without_unreadable(source: ImageSource, splits: Iterable[str]) -> tuple[View, dict[str, UserError]]:
    """The collection without the images of some splits that cannot be read, and their errors by path."""
    items = [item for split in splits for item in source.splits.get(split, ())]
    errors: dict[str, UserError] = {}
    content_ids(source, items, on_error=lambda item, error: errors.update({item.path: error}))
    readable = {
        split: tuple(item for item in items if item.path not in errors)
        for split, items in source.splits.items()
    }
    return View(source, readable, source.notes), errors


def limited(source: ImageSource, split: str, most: int) -> View:
    """The collection with at most `most` images of a split: as many of each class, by the hash of paths.

    The images of a smaller number are among those of a larger one.
    """

    def rank(item: Item) -> bytes:
        return hashlib.sha256(item.path.encode("utf-8", "surrogateescape")).digest()

    by_class: dict[int, list[Item]] = {}
    for item in sorted(source.splits.get(split, ()), key=rank):
        by_class.setdefault(item.label, []).append(item)
    in_turn = [item for row in zip_longest(*(by_class[label] for label in sorted(by_class))) for item in row]
    chosen = tuple(item for item in in_turn if item is not None)[:most]
    return View(source, {**source.splits, split: chosen}, source.notes)
