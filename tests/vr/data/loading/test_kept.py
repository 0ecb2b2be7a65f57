"""Images that a sweep's worker keeps: read once, again when they change, and never more than the limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from vr.data.formats.source import Item
from vr.data.loading.kept import keep, keeping, kept
from vr.data.loading.stream import stream
from vr.data.loading.unlabelled import GivenImages, UnlabelledFiles
from vr.data.sampling.view import View


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    keep(0)


class Reads:
    """Counts how often each image is read."""

    def __init__(self) -> None:
        self.count = 0
        self.stamp = "1"
        self.source: Any = SimpleNamespace(root=Path("images"), stamp=lambda path: self.stamp)

    def __call__(self, path: str = "a.png", how: str = "square") -> Tensor:
        def read() -> Tensor:
            self.count += 1
            return torch.full((3, 2, 2), self.count, dtype=torch.uint8)

        return kept(self.source, Item(path, 0), how, read)


def test_nothing_is_kept_unless_asked() -> None:
    reads = Reads()
    reads(), reads()
    assert reads.count == 2


def test_an_image_is_read_once() -> None:
    keep()
    reads = Reads()
    assert torch.equal(reads(), reads()) and reads.count == 1


def test_images_are_forgotten_at_the_end_of_a_block() -> None:
    reads = Reads()
    with keeping():
        reads(), reads()
    assert reads.count == 1
    reads(), reads()
    assert reads.count == 3


def test_images_in_memory_are_not_mistaken_for_earlier_ones() -> None:
    keep()
    for value in (1, 2):
        source = GivenImages([np.full((4, 4), value, np.uint8)], UnlabelledFiles())
        (batch,) = stream(source, source.items(), 4)
        assert batch.images.unique().tolist() == [value]


def test_another_image_another_way_and_a_changed_image_are_read() -> None:
    keep()
    reads = Reads()
    reads(), reads("b.png"), reads(how="training")
    reads.stamp = "2"
    reads()
    assert reads.count == 4


def test_a_view_of_images_that_are_decoded_in_another_way_is_read() -> None:
    keep()
    reads = Reads()
    original = reads.source
    for window in ((0.0, 80.0), (-600.0, 1500.0), (0.0, 80.0)):
        source: Any = SimpleNamespace(**vars(original), window=window)
        reads.source = View(source, {})
        reads()
    assert reads.count == 2


def test_the_limit_holds() -> None:
    keep(12)  # one image
    reads = Reads()
    reads(), reads("b.png"), reads(), reads("b.png")
    assert reads.count == 3


def test_another_collection_makes_room_for_the_one_in_use() -> None:
    keep(24)  # two images
    first, second = Reads(), Reads()
    second.source = SimpleNamespace(root=Path("others"), stamp=lambda path: "1")
    first(), first("b.png"), second(), second(), second("b.png")
    assert (first.count, second.count) == (2, 2)
    first(), first(), second("b.png")
    assert (first.count, second.count) == (3, 3)
