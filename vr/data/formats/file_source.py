"""Labelled images in files: a tree, its labelled items, and how an image is decoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.schema.card import Card
from vr.data.decoding.pixels import decode
from vr.data.formats.file_tree import FileTree
from vr.data.formats.source import Item
from vr.data.formats.splits import make_splits

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class FileSource:
    """Images in files. See `vr.data.formats.source.ImageSource`."""

    tree: FileTree
    splits: Mapping[str, tuple[Item, ...]]
    notes: tuple[str, ...] = ()
    window: tuple[float, float] | None = None

    @property
    def root(self) -> Path:
        return self.tree.root

    def read(self, item_path: str) -> Image.Image:
        return decode(self.tree.read(item_path), self.tree.path_of(item_path), window=self.window)

    def stamp(self, item_path: str) -> str:
        return self.tree.stamp(item_path)


def open_files(tree: FileTree, rows: Iterable[tuple[str, Item]], card: Card) -> FileSource:
    """The images of a tree, from their splits and items.

    Raises:
        UserError: as for `make_splits`.
    """
    splits, notes = make_splits(rows, card, tree.root)
    return FileSource(tree, splits, notes, card.images.window if card.images is not None else None)
