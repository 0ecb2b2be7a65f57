"""Folds: every image once, classes balanced, groups and equal images together, the same wherever they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.formats.source import Item
from vr.data.sampling.folds import draw_folds

CARD = Card.model_validate(
    {"name": "x", "title": "X", "classes": [{"name": "a", "folder": "a"}, {"name": "b", "folder": "b"}]}
    | {"modality": "CT", "shows": "an x"}
)


@dataclass(frozen=True)
class Numbers:
    """Images whose pixels are a number; `pictures` gives it by path."""

    pictures: dict[str, int]
    splits: dict[str, tuple[Item, ...]]
    root: Path = Path("nowhere")
    notes: tuple[str, ...] = ()

    def read(self, item_path: str) -> Any:
        return Image.fromarray(np.full((1, 1, 3), self.pictures[item_path] % 256, np.uint8)).resize(
            (1 + self.pictures[item_path] // 256, 1)
        )

    def stamp(self, item_path: str) -> str:
        return item_path


def collection(
    count: int, *, groups: int | None = None, prefix: str = "", copies: int = 0
) -> tuple[Numbers, dict[str, int]]:
    """`count` images, every third of class b, in three splits; images of a group are of both classes."""
    pictures: dict[str, int] = {}
    splits: dict[str, list[Item]] = {"train": [], "val": [], "test": []}
    for number in range(count):
        path = f"{prefix}{number:03d}.png"
        pictures[path] = number % (count - copies)
        group = None if groups is None else f"patient {number % groups}"
        split = ("train", "train", "val", "test")[number % 4]
        splits[split].append(Item(path, int(number % 3 == 0), group))
    return Numbers(pictures, {split: tuple(items) for split, items in splits.items()}), pictures


def test_every_image_is_in_one_fold_and_classes_are_balanced() -> None:
    source, pictures = collection(61)
    folds = draw_folds(source, CARD, 4, seed=1)
    assert sorted(item.path for fold in folds.items for item in fold) == sorted(pictures)
    for label in (0, 1):
        counts = [sum(item.label == label for item in fold) for fold in folds.items]
        assert max(counts) - min(counts) <= 1
    view = folds.view(source, 2)
    assert view.splits["test"] == folds.items[1]
    assert len(view.splits["train"]) == 61 - len(folds.items[1]) and set(view.splits) == {"train", "test"}


def test_a_group_is_never_divided() -> None:
    source, _ = collection(90, groups=20)
    folds = draw_folds(source, CARD, 5, seed=3)
    numbers: dict[str | None, set[int]] = {}
    for number, fold in enumerate(folds.items):
        for item in fold:
            numbers.setdefault(item.group, set()).add(number)
    assert len(numbers) == 20 and all(len(own) == 1 for own in numbers.values())
    sizes = [len(fold) for fold in folds.items]
    assert max(sizes) - min(sizes) <= 5  # a group has four or five images
    assert folds.notes == ()


def test_equal_images_stay_together_even_across_groups() -> None:
    source, pictures = collection(60, groups=12, copies=3)
    folds = draw_folds(source, CARD, 3, seed=1)
    fold_of = {item.path: number for number, fold in enumerate(folds.items) for item in fold}
    by_picture: dict[int, set[int]] = {}
    for path, picture in pictures.items():
        by_picture.setdefault(picture, set()).add(fold_of[path])
    assert Counter(pictures.values()).most_common(1)[0][1] == 2
    assert all(len(own) == 1 for own in by_picture.values())


def test_folds_depend_on_content_and_seed_not_on_paths_or_order() -> None:
    one, pictures = collection(40)
    other, renamed = collection(40, prefix="elsewhere/")
    other = Numbers(renamed, {split: items[::-1] for split, items in other.splits.items()})
    first, second = draw_folds(one, CARD, 4, seed=1), draw_folds(other, CARD, 4, seed=1)
    contents = [
        [{numbers[item.path] for item in fold} for fold in folds.items]
        for folds, numbers in ((first, pictures), (second, renamed))
    ]
    assert contents[0] == contents[1] and first.digest == second.digest
    assert draw_folds(one, CARD, 4, seed=2).digest != first.digest


def test_without_groups_that_is_said() -> None:
    source, _ = collection(40)
    (note,) = draw_folds(source, CARD, 2, seed=1).notes
    assert "patient" in note


def test_too_few_images_or_patients_of_a_class() -> None:
    source, _ = collection(12)
    with pytest.raises(UserError) as caught:
        draw_folds(source, CARD, 5, seed=1)
    assert (caught.value.code, caught.value.class_name) == ("folds-few-images", "b")
    assert "--folds 4" in caught.value.remedy
    grouped, _ = collection(60, groups=3)
    with pytest.raises(UserError) as caught:
        draw_folds(grouped, CARD, 5, seed=1)
    assert caught.value.code == "folds-few-images"
