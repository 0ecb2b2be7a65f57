"""Images for evaluation: decoded by worker threads, in order, batch by batch, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from attrgen.core.errors import UserError, one_or_many
from vr.clip.preprocessing import Preprocessing
from vr.data.decoding.resize import to_square
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.kept import kept
from vr.data.loading.parallel import ordered_map


class Batch(NamedTuple):
    """Images (B, 3, size, size) uint8, labels (B,) int64 and paths."""

    images: Tensor
    labels: Tensor
    paths: list[str]


def stream(
    source: ImageSource,
    items: Iterable[Item],
    size: int,
    preprocessing: Preprocessing | None = None,
    *,
    batch_size: int = 64,
    workers: int = 4,
    on_error: Callable[[UserError], None] | None = None,
) -> Iterator[Batch]:
    """Read `items` in order, as squares of `size` pixels.

    At most `batch_size` images and two per worker are in memory, and `items` may be endless.

    Args:
        preprocessing: see `vr.data.decoding.resize.to_square`.
        on_error: called with the error of each image that cannot be read, which is then left out; by default
            the others are read too, and all errors are raised together.

    Raises:
        UserError: images cannot be read (without `on_error`); the message names all of them.
    """

    how = ("square", size, str(preprocessing))

    def read(item: Item) -> tuple[Item, Tensor | UserError]:
        try:
            return item, kept(
                source, item, how, lambda: to_square(source.read(item.path), size, preprocessing)
            )
        except UserError as error:
            return item, error

    waiting: list[tuple[Item, Tensor]] = []
    errors: list[UserError] = []
    for item, image in ordered_map(read, items, workers=workers):
        if isinstance(image, UserError):
            (on_error or errors.append)(image)
            continue
        if errors:
            continue  # nothing will come of it; the remaining images are read for their errors
        waiting.append((item, image))
        if len(waiting) == batch_size:
            yield _batch(waiting)
            waiting = []
    if errors:
        raise one_or_many(errors)
    if waiting:
        yield _batch(waiting)


def _batch(read: Sequence[tuple[Item, Tensor]]) -> Batch:
    return Batch(
        torch.stack([image for _, image in read]),
        torch.tensor([item.label for item, _ in read], dtype=torch.long),
        [item.path for item, _ in read],
    )
