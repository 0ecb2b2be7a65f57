"""One evaluation over several processes, one a GPU, as torchrun starts them. Alone, nothing changes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed
from torch import Tensor

from attrgen.core.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The processes that share the work, and which of them this is.

    Work is dealt out in whole batches, so that every image is computed in the company that it has when one
    process does it all, and comes out the same to the last bit.

    Attributes:
        rank: of this process, from 0.
        size: how many there are.
        device: this process's own GPU, or the CPU.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes files and prints."""
        return self.rank == 0

    def share(self, items: Sequence[T], batch_size: int) -> list[T]:
        """This process's items: of every `size` batches one; none where there are not as many batches."""
        return [items[place] for place in _places(self.rank, self.size, len(items), batch_size)]

    def gather(self, rows: Tensor, count: int, batch_size: int) -> Tensor:
        """All rows (count, ...) in the items' order, in every process, from each one's rows of its share."""
        if self.size == 1:
            return rows
        places = [_places(rank, self.size, count, batch_size) for rank in range(self.size)]
        padded = rows.new_zeros(len(places[0]), *rows.shape[1:])  # rank 0 has most
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in places]
        torch.distributed.all_gather(parts, padded)
        found = torch.empty(count, *rows.shape[1:], dtype=rows.dtype, device=rows.device)
        for part, own in zip(parts, places, strict=True):
            found[own] = part[: len(own)]
        return found

    def least(self, number: int) -> int:
        """The smallest of all processes' numbers."""
        if self.size == 1:
            return number
        shared = torch.tensor(number, device=self.device)
        torch.distributed.all_reduce(shared, torch.distributed.ReduceOp.MIN)
        return int(shared)


@contextmanager
def processes(device: torch.device) -> Iterator[Processes]:
    """The processes that torchrun started, connected until the block ends; or this one alone.

    Args:
        device: of what kind; a process takes the GPU of its local rank.

    Raises:
        UserError: there are more processes here than GPUs.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Processes(0, 1, device)
        return
    own = device
    if device.type == "cuda":
        own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        there = torch.cuda.device_count()
        if own.index >= there:
            raise UserError(
                f"there are {there} GPUs for {own.index + 1} processes or more",
                remedy=f"Use torchrun --nproc-per-node {there}.",
            )
        torch.cuda.set_device(own)
    # Who is done early waits for the others as long as it takes; torchrun ends all when one fails.
    torch.distributed.init_process_group("nccl" if own.type == "cuda" else "gloo", timeout=timedelta(days=1))
    try:
        yield Processes(int(os.environ["RANK"]), size, own)
    finally:
        torch.distributed.destroy_process_group()


def _places(rank: int, size: int, count: int, batch_size: int) -> list[int]:
    return [place for place in range(count) if place // batch_size % size == rank]
