"""One evaluation over several processes, one per GPU, as torchrun starts them; alone, nothing changes."""

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

    Whole batches are distributed, so that every image is computed in the same batch as when one process does
    all the work, and the result is the same to the last bit.

    Attributes:
        rank: of this process, from 0.
        size: number of processes.
        device: the GPU of this process, or the CPU.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def share(self, items: Sequence[T], batch_size: int) -> list[T]:
        """The items of this process: one of every `size` batches; none where there are too few batches."""
        return [items[index] for index in _indices(self.rank, self.size, len(items), batch_size)]

    def gather(self, rows: Tensor, count: int, batch_size: int) -> Tensor:
        """All rows (count, ...) in the items' order, in every process, from the rows of each one's share."""
        if self.size == 1:
            return rows
        indices = [_indices(rank, self.size, count, batch_size) for rank in range(self.size)]
        padded = rows.new_zeros(len(indices[0]), *rows.shape[1:])  # rank 0 has most
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in indices]
        torch.distributed.all_gather(parts, padded)
        gathered = torch.empty(count, *rows.shape[1:], dtype=rows.dtype, device=rows.device)
        for part, positions in zip(parts, indices, strict=True):
            gathered[positions] = part[: len(positions)]
        return gathered

    def least(self, number: int) -> int:
        """The smallest number of all processes."""
        if self.size == 1:
            return number
        shared = torch.tensor(number, device=self.device)
        torch.distributed.all_reduce(shared, torch.distributed.ReduceOp.MIN)
        return int(shared)


@contextmanager
def processes(device: torch.device) -> Iterator[Processes]:
    """The processes that torchrun started, connected until the block ends; or this one alone.

    Args:
        device: the kind of device; a process uses the GPU of its local rank.

    Raises:
        UserError: there are more processes here than GPUs.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Processes(0, 1, device)
        return
    if device.type == "cuda":
        device = _local_gpu()
    # A process that finishes early waits for the others; torchrun ends all of them when one fails.
    backend = "nccl" if device.type == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, timeout=timedelta(days=1))
    try:
        yield Processes(int(os.environ["RANK"]), size, device)
    finally:
        torch.distributed.destroy_process_group()


def _local_gpu() -> torch.device:
    gpu = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    count = torch.cuda.device_count()
    if gpu.index >= count:
        raise UserError(
            f"there are {count} GPUs for {gpu.index + 1} processes or more",
            code="device-too-few-gpus",
            remedy=f"Use torchrun --nproc-per-node {count}.",
        )
    torch.cuda.set_device(gpu)
    return gpu


def _indices(rank: int, size: int, count: int, batch_size: int) -> list[int]:
    return [index for index in range(count) if index // batch_size % size == rank]
