"""Unlabelled files as the squares that a model reads, decoded on the CPU or, as far as possible, on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from torch import Tensor

from attrgen.core.errors import UserError
from vr.clip.preprocessing import Preprocessing
from vr.data.decoding.jpeg_batches import JpegBatches, PlainJpeg
from vr.data.decoding.plain_jpeg import plain_size
from vr.data.decoding.resize import to_square
from vr.data.loading.parallel import ordered_map
from vr.data.loading.unlabelled import UnlabelledFiles
from vr.runtime.device import moved

Square: TypeAlias = Tensor | UserError  # (3, size, size) uint8, or why the image cannot be read


@dataclass(frozen=True)
class Waiting:
    """A JPEG file that is not decoded yet."""

    path: str
    file: PlainJpeg


@dataclass
class Count:
    """How many images were decoded where; those that cannot be read are not counted."""

    on_device: int = 0
    on_cpu: int = 0

    def add(self, on_device: int, on_cpu: int) -> None:
        """Count more images."""
        self.on_device += on_device
        self.on_cpu += on_cpu

    def sentence(self) -> str:
        """The numbers, for a person."""
        return f"{self.on_device:,} images were decoded on the GPU, {self.on_cpu:,} on the CPU"


class Squares(Protocol):
    """Reads images in two steps."""

    @property
    def count(self) -> Count:
        """Of the images so far."""

    def read(self, path: str) -> Square | Waiting:
        """What one thread of many can do for an image."""

    def finished(self, images: Sequence[Square | Waiting]) -> list[Square]:
        """The images of a batch, in order."""


@dataclass(frozen=True)
class CpuSquares:
    """Decoded and resized by the threads that read."""

    source: UnlabelledFiles
    size: int
    preprocessing: Preprocessing
    count: Count = field(default_factory=Count)

    def read(self, path: str) -> Square:
        try:
            return self.of(self.source.content(path), path)
        except UserError as error:
            return error

    def of(self, content: bytes, path: str) -> Tensor:
        """The square of a file's bytes.

        Raises:
            UserError: it cannot be decoded.
        """
        return to_square(self.source.decode(content, path).image, self.size, self.preprocessing)

    def finished(self, images: Sequence[Square | Waiting]) -> list[Square]:
        squares = [image for image in images if not isinstance(image, Waiting)]
        self.count.add(0, _readable(squares))
        return squares


class DeviceSquares:
    """Plain JPEG files are decoded in batches on a device; others, and those that it refuses, on the CPU."""

    def __init__(self, cpu: CpuSquares, batches: JpegBatches, workers: int) -> None:
        self._cpu = cpu
        self._batches = batches
        self._workers = workers
        self.count = Count()

    def read(self, path: str) -> Square | Waiting:
        try:
            content = self._cpu.source.content(path)
            if (size := plain_size(content)) is not None:
                return Waiting(path, PlainJpeg(content, size))
            return self._cpu.of(content, path)
        except UserError as error:
            return error

    def finished(self, images: Sequence[Square | Waiting]) -> list[Square]:
        """The images of a batch, in order, on the device."""
        device = self._batches.device
        waiting = [image for image in images if isinstance(image, Waiting)]
        decoded = self._batches([image.file for image in waiting])
        refused = [image for image, square in zip(waiting, decoded, strict=True) if square is None]
        on_cpu = ordered_map(self._on_cpu, refused, workers=self._workers)
        squares = iter([next(on_cpu) if square is None else square for square in decoded])
        finished = [next(squares) if isinstance(image, Waiting) else image for image in images]
        on_device = len(waiting) - len(refused)
        self.count.add(on_device, _readable(finished) - on_device)
        return [moved(image, device) if isinstance(image, Tensor) else image for image in finished]

    def _on_cpu(self, image: Waiting) -> Square:
        try:
            return self._cpu.of(image.file.content, image.path)
        except UserError as error:
            return error


def _readable(squares: Sequence[Square]) -> int:
    return sum(isinstance(square, Tensor) for square in squares)
