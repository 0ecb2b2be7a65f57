"""The stream for evaluation: order, bounded memory, what cannot be read."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.loading.stream import stream
from vr.data.sources import Item, open_source


class Counting:
    """A source of drawn images that counts how many were read before they were asked for."""

    root = Path("drawn")
    notes: Sequence[str] = ()

    def __init__(self, count: int) -> None:
        self.items = [Item(f"{number:06d}", number % 3) for number in range(count)]
        self.splits = {"test": self.items}
        self.lock = threading.Lock()
        self.read_so_far = 0

    def stamp(self, item_path: str) -> str:
        return ""

    def read(self, item_path: str) -> Image.Image:
        with self.lock:
            self.read_so_far += 1
        return Image.new("RGB", (8, 8), (int(item_path) % 256,) * 3)


@pytest.mark.parametrize("workers", [1, 4])
def test_order_labels_and_paths(workers: int) -> None:
    source = Counting(23)
    batches = list(stream(source, source.items, 8, batch_size=5, workers=workers))
    assert [len(batch.paths) for batch in batches] == [5, 5, 5, 5, 3]
    assert torch.cat([batch.images for batch in batches])[:, 0, 0, 0].tolist() == list(range(23))
    assert torch.cat([batch.labels for batch in batches]).tolist() == [number % 3 for number in range(23)]
    assert [path for batch in batches for path in batch.paths] == [item.path for item in source.items]


def test_no_more_is_read_than_a_batch_and_two_a_worker() -> None:
    source = Counting(1000)
    batches = stream(source, source.items, 8, batch_size=10, workers=3)
    for taken in range(1, 20):
        next(batches)
        assert source.read_so_far <= 10 * taken + 2 * 3 + 1
    batches.close()
    assert source.read_so_far < 250


def test_what_cannot_be_read_is_raised_or_kept_apart(forms: dict[str, Path], card: Card) -> None:
    source = open_source(card, forms["folder"])
    items = source.splits["test"]
    (source.root / items[2].path).write_bytes(b"broken")
    with pytest.raises(UserError) as caught:
        list(stream(source, items, 8, batch_size=2))
    assert (caught.value.file or "").endswith(items[2].path)
    unreadable: list[UserError] = []
    batches = list(stream(source, items, 8, batch_size=2, on_error=unreadable.append))
    assert [path for batch in batches for path in batch.paths] == [
        item.path for item in items if item != items[2]
    ]
    assert [items[2].path in str(error) for error in unreadable] == [True]


def test_nothing_streams_to_nothing() -> None:
    assert list(stream(Counting(0), [], 8)) == []
