"""Train, validation and test images of a collection, whatever its format."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.wording import counted
from attrgen.schema.card import Card
from vr.data.formats.groups import group_key, has_groups
from vr.data.formats.source import SPLITS, Item

TEST_SHARE = 0.2


class HeldOut(str):
    """A note on a test split that was held out; folds take its place, so that a cross-validation skips it."""


def make_splits(
    rows: Iterable[tuple[str, Item]], card: Card, root: Path
) -> tuple[dict[str, tuple[Item, ...]], tuple[str, ...]]:
    """Group items by split, hold out a test split where there is none, and check that no class is missing.

    Args:
        rows: split and item. Without a test split, a fifth of each class (at least one image), chosen by the
            hash of the path, is held out of train; a group goes to one side as a whole.
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
        notes = (_held_out_note(grouped["train"], grouped["test"]),)
    _check_classes({item.label for items in grouped.values() for item in items}, card, root)
    splits = {
        split: tuple(sorted(items, key=lambda item: item.path)) for split, items in grouped.items() if items
    }
    return splits, notes


def _held_out_note(train: list[Item], test: list[Item]) -> HeldOut:
    if not test:
        spare = "a group" if has_groups(train) else "an image"
        return HeldOut(f"There is no test split, and no class has {spare} to spare for one.")
    total = len(train) + len(test)
    share, how = f"{len(test)} of {total} images", "a fifth of each class, rounded up, chosen"
    if has_groups((*train, *test)):
        groups = len({group_key(item) for item in test})
        share = f"{counted(groups, 'group')} with {len(test)} of {total} images ({len(test) / total:.0%})"
        how = "as near to a fifth of each class as whole groups allow, chosen"
    return HeldOut(
        f"There is no test split: {share}, {how} by the hash of their paths, are held out for testing."
    )


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
    """Train and test images: whole groups go to test, a fifth of each class as nearly as they allow.

    Groups are taken in the order of their hash as long as they fit into the share of each class in them. A
    class without a test image then gets its smallest group, if another one remains for training.
    """
    groups = _groups_in_order(items)
    target = {
        label: math.ceil(TEST_SHARE * count) if _groups_with(groups, label) > 1 else 0
        for label, count in Counter(item.label for item in items).items()
    }
    held: list[list[Item]] = []
    in_test: Counter[int] = Counter()
    for members in groups:
        counts = Counter(item.label for item in members)
        if all(in_test[label] + count <= target[label] for label, count in counts.items()):
            held.append(members)
            in_test += counts
    for label in sorted(target):
        if target[label] and not in_test[label]:
            rest = [members for members in groups if members not in held]
            candidates = [members for members in rest if _may_leave(members, label, rest)]
            if candidates:
                held.append(min(candidates, key=len))
                in_test += Counter(item.label for item in held[-1])
    test = {item.path for members in held for item in members}
    return [item for item in items if item.path not in test], [item for item in items if item.path in test]


def _groups_in_order(items: list[Item]) -> list[list[Item]]:
    """The items by group, ordered by the smallest hash of a path in each; without a group, each by itself."""

    def digest(item: Item) -> bytes:
        return hashlib.sha256(os.fsencode(item.path)).digest()

    groups: dict[tuple[bool, str], list[Item]] = {}
    for item in sorted(items, key=digest):
        groups.setdefault(group_key(item), []).append(item)
    return list(groups.values())


def _groups_with(groups: list[list[Item]], label: int) -> int:
    return sum(any(item.label == label for item in members) for members in groups)


def _may_leave(members: list[Item], label: int, rest: list[list[Item]]) -> bool:
    """Whether a group has that class, and every class in it remains in another group."""
    labels = {item.label for item in members}
    return label in labels and all(_groups_with(rest, other) > 1 for other in labels)
