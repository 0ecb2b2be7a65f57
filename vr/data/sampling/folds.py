"""Folds for cross-validation: every image is tested once; classes are balanced, groups stay together."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.formats.source import SPLITS, ImageSource, Item
from vr.data.sampling.content import content_ids
from vr.data.sampling.view import View


@dataclass(frozen=True)
class Folds:
    """Folds of a collection.

    Attributes:
        items: the images of each fold.
        digest: SHA-256 of which image, by content, is in which fold.
        notes: what a person should know, a sentence each.
    """

    items: tuple[tuple[Item, ...], ...]
    digest: str
    notes: tuple[str, ...]

    def view(self, source: ImageSource, number: int) -> View:
        """The collection with fold `number` (from 1) as its test split, and all others for training."""
        others = [item for other, items in enumerate(self.items, 1) if other != number for item in items]
        splits = {"train": tuple(sorted(others, key=lambda item: item.path)), "test": self.items[number - 1]}
        return View(source, splits, (*source.notes, *self.notes))


def draw_folds(source: ImageSource, card: Card, folds: int, seed: int) -> Folds:
    """Divide all images of a collection, whatever their split, into folds.

    Images with equal pixels or of the same group (a patient) are always in the same fold. The largest such
    units are placed first, then those of equal size in the order of SHA-256(seed, content id); each goes to
    the fold that has the smallest share of its classes so far. So folds depend on the images' content, the
    groups, the number of folds and the seed, and not on paths or file order.

    Raises:
        UserError: a class is in fewer units than there are folds, or an image cannot be read.
    """
    items = [item for split in SPLITS for item in source.splits.get(split, ())]
    ids = content_ids(source, items)
    units = _units(items, ids)
    _check_enough(source, card, units, folds)
    totals = Counter(item.label for item in items)
    placed: list[list[Item]] = [[] for _ in range(folds)]
    counts: list[Counter[int]] = [Counter() for _ in range(folds)]
    for unit in sorted(units, key=lambda unit: _order(unit, ids, seed)):
        labels = Counter(item.label for item in unit)

        def fullness(fold: int, labels: Counter[int] = labels) -> tuple[float, int, int]:
            shares = sum(count * counts[fold][label] / totals[label] for label, count in labels.items())
            return shares, counts[fold].total(), fold

        fold = min(range(folds), key=fullness)
        placed[fold] += unit
        counts[fold].update(labels)
    arranged = tuple(tuple(sorted(fold, key=lambda item: item.path)) for fold in placed)
    return Folds(arranged, _digest(arranged, ids), _notes(items, card, counts))


def _units(items: Sequence[Item], ids: Mapping[str, str]) -> list[list[Item]]:
    """Images that must stay together: joined by a group or by equal pixels, directly or in a chain."""
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        while (parent := parents.setdefault(key, key)) != key:
            key = parent
        return key

    for item in items:
        content = f"content {ids[item.path]}"
        if item.group is None:
            root(content)
        else:
            parents[root(content)] = root(f"group {item.group}")
    units: dict[str, list[Item]] = {}
    for item in items:
        units.setdefault(root(f"content {ids[item.path]}"), []).append(item)
    return list(units.values())


def _order(unit: Sequence[Item], ids: Mapping[str, str], seed: int) -> tuple[int, str]:
    first = min(ids[item.path] for item in unit)
    return -len(unit), hashlib.sha256(f"{seed}|folds|{first}".encode()).hexdigest()


def _digest(folds: Sequence[Sequence[Item]], ids: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for number, items in enumerate(folds, 1):
        for content in sorted(ids[item.path] for item in items):
            digest.update(f"{number} {content}\n".encode())
    return digest.hexdigest()


def _check_enough(source: ImageSource, card: Card, units: Sequence[Sequence[Item]], folds: int) -> None:
    in_units = Counter(label for unit in units for label in {item.label for item in unit})
    for label, name in enumerate(card.class_names):
        if in_units[label] < folds:
            raise UserError(
                f"{folds} folds need {folds} different images (or patients) of every class, and there are "
                f"{in_units[label]}",
                code="folds-few-images",
                file=source.root,
                class_name=name,
                remedy=f"Use --folds {in_units[label]} or fewer."
                if in_units[label] > 1
                else "Add images of this class, or leave it out with --classes.",
            )


def _notes(items: Sequence[Item], card: Card, counts: Sequence[Counter[int]]) -> tuple[str, ...]:
    notes = []
    if all(item.group is None for item in items):
        notes.append(
            "The collection names no patients or other groups: images of one patient may be in several folds."
        )
    for number, labels in enumerate(counts, 1):
        missing = [name for label, name in enumerate(card.class_names) if not labels[label]]
        if missing:
            notes.append(f"Fold {number} has no image of {', '.join(missing)}: its groups are too large.")
    return tuple(notes)
