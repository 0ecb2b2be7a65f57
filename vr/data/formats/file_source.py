"""The one concrete source for images in files: a tree, its labelled items, and how an image is decoded."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.decoding.pixels import decode
from vr.data.formats.file_tree import FileTree
from vr.data.formats.source import SPLITS, Item

if TYPE_CHECKING:
    from PIL import Image

TEST_SHARE = 0.2


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
        return decode(self.tree.read(item_path), self.tree.place(item_path), window=self.window)

    def stamp(self, item_path: str) -> str:
        return self.tree.stamp(item_path)


def label_of(card: Card, spelling: str) -> int | None:
    """Label of a class by any of its spellings; None where the card leaves that class out on purpose.

    Raises:
        UserError: the card knows no such class; the message lists the nearest names.
    """
    found = card.find_class(spelling)
    if found is None and card.leaves_out(spelling):
        return None
    return card.class_names.index((found or card.class_of(spelling)).name)


def label_by_number(card: Card, number: int) -> int | None:
    """Label of a class by its number in a file: the place in `images.labels`, else in the card's order.

    Raises:
        UserError: there is no class of that number.
    """
    spellings = card.images.labels if card.images is not None else ()
    if not spellings and card.left_out:
        raise UserError(
            f"the card '{card.name}' leaves classes out, so that label {number} may mean any class",
            remedy="List the classes by number in the card: images.labels.",
        )
    spellings = spellings or card.class_names
    if not 0 <= number < len(spellings):
        raise UserError(
            f"label {number} is out of range: the card '{card.name}' has {len(spellings)} classes",
            remedy="Add the class to the card, or list images.labels in the card.",
        )
    return label_of(card, spellings[number])


def whole_splits(
    rows: Iterable[tuple[str, Item]], card: Card, root: Path
) -> tuple[dict[str, tuple[Item, ...]], tuple[str, ...]]:
    """Group items by split, hold a test split out where there is none, and check that no class is missing.

    Args:
        rows: split and item. Without a test split, a fifth of each class (at least one image), chosen by the
            hash of the path, is held out of train.

    Returns:
        The splits (in the order train, val, test; items sorted by path) and notes for the user.

    Raises:
        UserError: there is no image, a class of the card has none, or a path is there twice.
    """
    grouped: dict[str, list[Item]] = {split: [] for split in SPLITS}
    seen: set[str] = set()
    for split, item in rows:
        if item.path in seen:
            raise UserError(f"'{item.path}' is listed twice", file=root, remedy="List each image once.")
        seen.add(item.path)
        grouped[split].append(item)
    if not seen:
        raise UserError("no images were found", file=root, remedy="Check the path.")
    notes: tuple[str, ...] = ()
    if not grouped["test"] and grouped["train"]:
        grouped["train"], grouped["test"] = _hold_out(grouped["train"])
        notes = (
            f"There is no test split: {len(grouped['test'])} images, a fifth of each class, "
            "chosen by the hash of their paths, are held out for testing.",
        )
    for label, name in enumerate(card.class_names):
        if not any(item.label == label for items in grouped.values() for item in items):
            raise UserError(
                "the collection has no image of this class",
                file=root,
                class_name=name,
                remedy="Add images, or name the classes to work on with --classes.",
            )
    splits = {
        split: tuple(sorted(items, key=lambda item: item.path)) for split, items in grouped.items() if items
    }
    return splits, notes


def _hold_out(items: list[Item]) -> tuple[list[Item], list[Item]]:
    train: list[Item] = []
    test: list[Item] = []
    for label in sorted({item.label for item in items}):
        own = [item for item in items if item.label == label]
        own.sort(key=lambda item: hashlib.sha256(item.path.encode()).digest())
        cut = math.ceil(TEST_SHARE * len(own)) if len(own) > 1 else 0
        test += own[:cut]
        train += own[cut:]
    return train, test
