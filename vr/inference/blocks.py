"""A list of images in blocks, each of which is one batch of the model.

A block is known by the position of its first image in the list, whoever computes it: so a row is the same to
the last digit in one process, in one of many shards, and after an interruption.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from attrgen.core.errors import UserError
from vr.data.loading.parallel import ordered_map
from vr.data.loading.squares import Square, Squares, Waiting
from vr.evaluation.evaluation import fused_scores
from vr.inference.decision import Decision
from vr.inference.prediction_table import printable, row_of
from vr.runs.run import Run
from vr.runtime.device import moved
from vr.runtime.memory import DEFAULT_BATCH, LARGEST_BATCH, WithinMemory

Row = Mapping[str, Any]
AT, ERROR = "at", "error"


@dataclass(frozen=True)
class Block:
    """Consecutive images of a list: the position of the first, from 0, and the paths."""

    start: int
    paths: tuple[str, ...]


@dataclass
class Stages:
    """Seconds that a prediction waited for decoded images, and that the model took."""

    waiting: float = 0.0
    scoring: float = 0.0


@dataclass
class ListedPaths:
    """The paths of a list, counted, with a digest of those that were iterated over."""

    paths: Iterable[str]
    count: int = 0
    _digest: Any = field(default_factory=hashlib.sha256, repr=False)

    def __iter__(self) -> Iterator[str]:
        for path in self.paths:
            self.count += 1
            self._digest.update(printable(path).encode() + b"\n")
            yield path

    @property
    def digest(self) -> str:
        """SHA-256 of the paths so far."""
        return str(self._digest.hexdigest())


def blocks_of(paths: Iterable[str], size: int) -> Iterator[Block]:
    """Blocks of `size` images; the last one may have fewer. Paths are read as they are needed."""
    remaining, start = iter(paths), 0
    while part := tuple(islice(remaining, size)):
        yield Block(start, part)
        start += len(part)


def stripe(batch_size: int | None, device: torch.device) -> int:
    """How many images in a row one shard takes: whole blocks, whatever the memory of its device."""
    return batch_size or (LARGEST_BATCH if device.type == "cuda" else DEFAULT_BATCH)


def score_blocks(
    run: Run,
    decision: Decision,
    squares: Squares,
    blocks: Iterable[Block],
    *,
    batch_size: int,
    workers: int = 4,
    stages: Stages | None = None,
) -> Iterator[tuple[Block, list[Row]]]:
    """The rows of each block, in order.

    A row has the image's position `at`, its `path`, and the columns of `prediction_table.row_of`; or, where
    the image cannot be read, `error`, `code` and `remedy`.

    Args:
        squares: reads and decodes the images.
        blocks: read lazily.
        batch_size: images that the model sees at once; not smaller than a block.
        workers: threads that decode; two images per thread are in memory, and one block.
        stages: gets the seconds of each stage.
    """
    method = run.method.eval()
    device = method.context.backbone.device
    pending: list[Block] = []

    def listed() -> Iterator[str]:
        for block in blocks:
            pending.append(block)
            yield from block.paths

    within = WithinMemory(lambda images: fused_scores(method, images), batch_size)
    seconds = stages or Stages()
    images: list[Square | Waiting] = []
    before = time.perf_counter()
    for image in ordered_map(squares.read, listed(), workers=workers):
        images.append(image)
        if len(images) == len(pending[0].paths):
            block, decoded = pending.pop(0), squares.finished(images)
            read_by = time.perf_counter()
            rows, images = _rows(block, decoded, within, decision, device), []
            seconds.waiting += read_by - before
            seconds.scoring += time.perf_counter() - read_by
            yield block, rows
            before = time.perf_counter()


def _rows(
    block: Block,
    images: Sequence[Square],
    score: WithinMemory,
    decision: Decision,
    device: torch.device,
) -> list[Row]:
    readable = [
        (path, image) for path, image in zip(block.paths, images, strict=True) if isinstance(image, Tensor)
    ]
    predictions: Iterator[Row] = iter(())
    if readable:
        batch = torch.stack([image for _, image in readable])
        with torch.inference_mode():
            scores = score(moved(batch, device))
        predictions = map(row_of, decision.predict(scores, [path for path, _ in readable]))
    return [
        {AT: block.start + index, **(next(predictions) if isinstance(image, Tensor) else _error(path, image))}
        for index, (path, image) in enumerate(zip(block.paths, images, strict=True))
    ]


def _error(path: str, error: UserError) -> Row:
    return {"path": printable(path), ERROR: error.what, "code": error.code, "remedy": error.remedy}


def error_of(row: Row) -> UserError | None:
    """The error of a row whose image could not be read; None for a prediction."""
    if row.get(ERROR) is None:
        return None
    return UserError(row[ERROR], code=row["code"], file=row["path"], remedy=row["remedy"])
