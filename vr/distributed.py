"""One evaluation over several processes, one a GPU, as torchrun starts them. Alone, nothing changes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed
from torch import Tensor

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The processes that share the work, and which of them this is.

    Attributes:
        rank: of this process, from 0; only rank 0 writes files and prints.
        size: how many there are.
        device: this process's own GPU, or the CPU.
    """

    rank: int
    size: int
    device: torch.device

    def share(self, items: Sequence[T]) -> list[T]:
        """This process's items: every `size`-th, from its rank on.

        Where there are fewer items than processes, those without one repeat the last; `gather` drops it.
        """
        return list(items[self.rank :: self.size] or items[-1:])

    def gather(self, rows: Tensor, count: int) -> Tensor:
        """All rows (count, ...) in the items' order, in every process, from each one's rows of its share."""
        if self.size == 1:
            return rows
        longest = -(-count // self.size)
        padded = rows.new_zeros(longest, *rows.shape[1:])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        torch.distributed.all_gather(parts, padded)
        return torch.stack(parts, 1).flatten(0, 1)[:count]


@contextmanager
def processes(device: torch.device) -> Iterator[Processes]:
    """The processes that torchrun started, connected until the block ends; or this one alone.

    Args:
        device: of what kind; a process takes the GPU of its local rank.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Processes(0, 1, device)
        return
    own = device
    if device.type == "cuda":
        own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(own)
    torch.distributed.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        yield Processes(int(os.environ["RANK"]), size, own)
    finally:
        torch.distributed.destroy_process_group()
