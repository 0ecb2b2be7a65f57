"""Batches that fit the memory of a device."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attrgen.core.errors import UserError

_log = logging.getLogger(__name__)

DEFAULT_BATCH = 64
LARGEST_BATCH = 256  # keeps a GPU busy, and leaves several batches for several GPUs
_PROBE = 4
_SHARE_OF_FREE_MEMORY = 0.6


def evaluation_batch_size(score: Callable[[Tensor], Any], image_size: int, device: torch.device) -> int:
    """How many images a batch may have without gradient: on a GPU what its free memory holds.

    Args:
        score: what is done with images (B, 3, image_size, image_size) uint8; it is tried on a few blank ones.
    """
    if device.type != "cuda":
        return DEFAULT_BATCH
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    with torch.no_grad():
        score(torch.zeros(_PROBE, 3, image_size, image_size, dtype=torch.uint8, device=device))
    needed = torch.cuda.max_memory_allocated(device) - before
    free = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - before
    return fitting_batch(needed / _PROBE, free)


def fitting_batch(bytes_per_image: float, free: float) -> int:
    """The largest power of two, at most 256, whose batch takes 60% of the free bytes or less."""
    count = int(_SHARE_OF_FREE_MEMORY * free / max(bytes_per_image, 1))
    return min(LARGEST_BATCH, 1 << max(0, count.bit_length() - 1))


class WithinMemory:
    """A function of a batch, called on smaller and smaller pieces of it when memory runs out.

    Args:
        function: from (B, ...) to a tensor (B, ...), each row from the same row alone.
        batch_size: the largest piece; it is halved permanently at each `torch.OutOfMemoryError`.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], batch_size: int = LARGEST_BATCH) -> None:
        self.function = function
        self.batch_size = batch_size

    def __call__(self, batch: Tensor) -> Tensor:
        """The function of the whole batch.

        Raises:
            UserError: not even one row fits.
        """
        results: list[Tensor] = []
        done = 0
        while done < len(batch) or not results:
            piece = batch[done : done + self.batch_size]
            try:
                results.append(self.function(piece))
                done += len(piece)
                continue
            except torch.OutOfMemoryError as error:
                if len(piece) <= 1:
                    raise UserError(
                        "the device's memory does not hold one image",
                        code="device-out-of-memory",
                        remedy="Close other programs that use the device, or choose --device cpu or a "
                        "smaller --backbone.",
                    ) from error
                self.batch_size = len(piece) // 2
            torch.cuda.empty_cache()  # outside `except`, whose traceback holds what did not fit
            _log.warning("memory ran out: continuing with batches of %d images", self.batch_size)
        return torch.cat(results)
