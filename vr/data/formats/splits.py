"""Train, validation and test images of a collection, whatever its format."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.formats.source import SPLITS, Item

TEST_SHARE = 0.2


def make_splits(
    rows: Iterable[tuple[str, Item]], card: Card, root: Path
) -> tuple[dict[str, tuple[Item, ...]], tuple[str, ...]]:
    """Group items by split, hold out a test split where there is none, and check that no class is missing.

    Args:
        rows: split and item. Without a test split, a fifth of each class (at least one image), chosen by the
            hash of the path, is held out of train.
        root: of the collection, for messages.

    Returns:
        The splits (in the order train, val, test; items sorted by path) and notes for the user.

    Raises:
        UserError: there is no image, a class of the card has none, or a path is listed twice.
    """
    grouped: dict[str, list[Item]] = {split: [] for split in SPLITS}
    paths: set[str] = set()
    for split, item in rows:
        if item.path in paths:
            raise UserError(
                f"'{item.path}' is listed twice",
                code="data-image-listed-twice",
                file=root,
                remedy="List each image once.",
            )
        paths.add(item.path)
        grouped[split].append(item)
    if not paths:
        raise UserError("no images were found", code="data-no-images", file=root, remedy="Check the path.")
    notes: tuple[str, ...] = ()
    if not grouped["test"] and grouped["train"]:
        grouped["train"], grouped["test"] = _hold_out(grouped["train"])
        notes = (
            f"There is no test split: {len(grouped['test'])} images, a fifth of each class, "
            "chosen by the hash of their paths, are held out for testing.",
        )
    _check_classes({item.label for items in grouped.values() for item in items}, card, root)
    splits = {
        split: tuple(sorted(items, key=lambda item: item.path)) for split, items in grouped.items() if items
    }
    return splits, notes


def _check_classes(labels: set[int], card: Card, root: Path) -> None:
    for label, name in enumerate(card.class_names):
        if label not in labels:
            raise UserError(
                "the collection has no image of this class",
                code="data-class-without-images",
                file=root,
                class_name=name,
                remedy="Add images, or name the classes to work on with --classes.",
            )


def _hold_out(items: list[Item]) -> tuple[list[Item], list[Item]]:
    train: list[Item] = []
    test: list[Item] = []
    for label in sorted({item.label for item in items}):
        of_class = [item for item in items if item.label == label]
        of_class.sort(key=lambda item: hashlib.sha256(os.fsencode(item.path)).digest())
        cut = math.ceil(TEST_SHARE * len(of_class)) if len(of_class) > 1 else 0
        test += of_class[:cut]
        train += of_class[cut:]
    return train, test
