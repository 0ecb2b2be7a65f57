"""Batches are halved until they fit, and sized by free memory; tried without a GPU."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor

from attrgen.core.errors import UserError
from vr.runtime.memory import (
    DEFAULT_BATCH,
    LARGEST_BATCH,
    WithinMemory,
    evaluation_batch_size,
    fitting_batch,
)

CPU, GPU = torch.device("cpu"), torch.device("cuda")


class Small:
    """A device that holds `limit` rows, and remembers the pieces that it was given."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.pieces: list[int] = []

    def __call__(self, batch: Tensor) -> Tensor:
        self.pieces.append(len(batch))
        if len(batch) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return batch * 2


def test_batches_are_halved_until_they_fit_and_stay_so(caplog: pytest.LogCaptureFixture) -> None:
    device = Small(limit=3)
    double = WithinMemory(device, batch_size=16)
    rows = torch.arange(21.0)[:, None]
    with caplog.at_level(logging.WARNING):
        assert torch.equal(double(rows), rows * 2)
    assert device.pieces == [16, 8, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]
    assert "batches of 2 images" in caplog.text
    device.pieces.clear()
    double(rows[:5])
    assert device.pieces == [2, 2, 1]


def test_a_small_batch_that_does_not_fit_is_halved_from_its_own_size() -> None:
    device = Small(limit=4)
    double = WithinMemory(device, batch_size=1024)
    assert len(double(torch.zeros(6, 1))) == 6
    assert device.pieces == [6, 3, 3]


def test_one_image_too_large_is_a_users_error() -> None:
    with pytest.raises(UserError) as caught:
        WithinMemory(Small(limit=0))(torch.zeros(4, 1))
    assert caught.value.code == "device-out-of-memory"


def test_other_errors_are_not_swallowed() -> None:
    def broken(batch: Tensor) -> Tensor:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        WithinMemory(broken)(torch.zeros(4, 1))


def test_no_rows_give_no_rows() -> None:
    assert WithinMemory(Small(limit=3))(torch.zeros(0, 5)).shape == (0, 5)


@pytest.mark.parametrize(
    ("bytes_per_image", "free", "batch"),
    [(1e6, 1e8, 32), (1e6, 1e12, LARGEST_BATCH), (1e9, 1e8, 1), (1e6, 2e6, 1), (0, 1e6, LARGEST_BATCH)],
)
def test_a_batch_takes_sixty_percent_of_what_is_free(bytes_per_image: float, free: float, batch: int) -> None:
    assert fitting_batch(bytes_per_image, free) == batch


def test_the_cpu_has_one_batch_size_and_tries_nothing() -> None:
    def never(images: Tensor) -> Tensor:
        raise AssertionError

    assert evaluation_batch_size(never, 192, CPU) == DEFAULT_BATCH


def test_on_a_gpu_a_few_images_tell_how_many_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[int, ...]] = []
    original = torch.zeros
    monkeypatch.setattr(torch, "zeros", lambda *shape, device, **how: original(*shape, **how))
    for name, value in {
        "reset_peak_memory_stats": None,
        "memory_allocated": 100,
        "max_memory_allocated": 100 + 4 * 1000,
        "mem_get_info": (90_000, 10**6),
        "memory_reserved": 10_100,
    }.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    size = evaluation_batch_size(lambda images: tried.append(tuple(images.shape)), 8, GPU)
    assert tried == [(4, 3, 8, 8)]
    assert size == 32  # 60% of the 100,000 bytes that are free hold 60 images of 1000 bytes
