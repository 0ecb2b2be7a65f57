"""Labelled images in files: a tree, its labelled items, and how an image is decoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.schema.card import Card
from attrgen.schema.image_names import is_dicom
from vr.data.decoding.decoded import Decoded
from vr.data.decoding.intensity import ValueRange
from vr.data.decoding.pixels import DEEP_HEAD, decode_with_rules, deep_range, may_be_deep
from vr.data.formats.file_tree import FileTree
from vr.data.formats.groups import with_groups
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
    remarks: tuple[str, ...] = ()
    window: tuple[float, float] | None = None
    intensity: tuple[float, float] | None = None

    @property
    def root(self) -> Path:
        return self.tree.root

    def read(self, item_path: str) -> Image.Image:
        return self.decoded(item_path).image

    def decoded(self, item_path: str) -> Decoded:
        """The image, and the rules by which the file's values became its pixels.

        Raises:
            UserError: as for `read`.
        """
        content, file = self.tree.read(item_path), self.tree.path_of(item_path)
        return decode_with_rules(content, file, window=self.window, intensity=self.intensity)

    def value_range(self, item_path: str) -> ValueRange | None:
        """The range of values of an image of more than 8 bits that has no window; None for other images.

        Raises:
            UserError: as for `read`.
        """
        head = self.tree.head(item_path, DEEP_HEAD)
        if not may_be_deep(head) or (self.window is not None and is_dicom(head)):
            return None
        return deep_range(self.tree.read(item_path), self.tree.path_of(item_path))

    def stamp(self, item_path: str) -> str:
        return self.tree.stamp(item_path)


def open_files(
    tree: FileTree,
    rows: Iterable[tuple[str, Item]],
    card: Card,
    *,
    remarks: Iterable[str] = (),
    groups_by: str | None = None,
) -> FileSource:
    """The images of a tree, from their splits and items.

    Args:
        remarks: what was left out or guessed, one sentence each.
        groups_by: where the rows' groups are from, in a few words.

    Raises:
        UserError: as for `make_splits`.
    """
    grouped, notes_on_groups = with_groups(tree, list(rows), card, groups_by)
    splits, notes_on_splits = make_splits(grouped, card, tree.root)
    source = FileSource(tree, splits, (*notes_on_groups, *notes_on_splits), tuple(remarks))
    if card.images is None:
        return source
    return replace(source, window=card.images.window, intensity=card.images.intensity)
