"""`vr.open_dataset`: counts, images, and how a collection shows itself."""

from __future__ import annotations

from typing import Any

import pytest

import vr


@pytest.fixture
def dataset(toy: Any) -> vr.Dataset:
    return vr.open_dataset(toy.card, toy.data)


def test_counts_and_images(dataset: vr.Dataset) -> None:
    assert dataset.classes == ("bright spot", "dark ring", "plain ground")
    assert {split: sum(counts.values()) for split, counts in dataset.counts.items()} == {
        "train": 15,
        "val": 6,
        "test": 12,
    }
    images = list(dataset.images("val"))
    assert [name for _, name in images].count("dark ring") == 2
    assert all((image.size, image.mode) == ((40, 44), "RGB") for image, _ in images)
    assert list(dataset.images("absent")) == []


def test_it_shows_itself(dataset: vr.Dataset) -> None:
    assert repr(dataset).startswith("Dataset(toy: 3 classes; ") and "12 test" in repr(dataset)
    assert "<td>dark ring</td>" in dataset._repr_html_()


def test_classes_and_unknown_datasets(toy: Any) -> None:
    assert vr.open_dataset(toy.card, toy.data, classes=["dark ring", "plain ground"]).classes == (
        "dark ring",
        "plain ground",
    )
    with pytest.raises(vr.UserError):
        vr.open_dataset("no-such-dataset")
