"""Plain JPEG files decoded and resized on a device, in batches: only their compressed bytes travel there."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from attrgen.core.decoding import reason_of
from attrgen.core.errors import UserError
from vr.clip.preprocessing import Preprocessing
from vr.data.decoding.device_resize import to_squares
from vr.data.decoding.resize import to_square

_MOST_PIXELS = 2**26  # of a batch: 200 MB decoded, 800 MB while they are resized
_TRIAL_SIDE = 64
_TRIAL_DIFFERENCE = 8  # grey levels: decoders round differently


class PlainJpeg(NamedTuple):
    """A file that `vr.data.decoding.plain_jpeg` accepts: its bytes, width and height."""

    content: bytes
    size: tuple[int, int]


class JpegBatches:
    """Decodes JPEG files with torchvision (nvJPEG on a GPU) and resizes them as the model wants its images.

    Args:
        device: where the images will be.
        size: side of the square in pixels; see `vr.data.decoding.resize.to_square`.

    Raises:
        UserError: torchvision cannot decode on the device.
    """

    def __init__(self, device: torch.device, size: int, preprocessing: Preprocessing) -> None:
        self.device = device
        self._size = size
        self._preprocessing = preprocessing
        self._check()

    def __call__(self, files: Sequence[PlainJpeg]) -> list[Tensor | None]:
        """The squares of files, in order: (3, size, size) uint8 on the device; None where it decodes none."""
        return [square for part in _parts(files) for square in self._squares(part)]

    def _squares(self, files: Sequence[PlainJpeg]) -> list[Tensor | None]:
        """The squares of a batch. Where one file fails, torchvision returns none: then one by one."""
        try:
            return list(self._decoded(files))
        except RuntimeError:  # damaged, not supported, or the device's memory is full
            return [None] if len(files) == 1 else [self._squares([file])[0] for file in files]

    def _decoded(self, files: Sequence[PlainJpeg]) -> list[Tensor]:
        """The squares of a batch.

        Raises:
            RuntimeError: one of the files cannot be decoded or resized.
        """
        from torchvision.io import ImageReadMode, decode_jpeg

        if self.device.type == "cuda":
            # torchvision decodes in a stream of its own, into memory that earlier work may still be reading.
            torch.cuda.current_stream(self.device).synchronize()
        encoded = [torch.frombuffer(bytearray(file.content), dtype=torch.uint8) for file in files]
        images = decode_jpeg(encoded, mode=ImageReadMode.RGB, device=self.device)
        by_shape: dict[torch.Size, list[int]] = defaultdict(list)
        for index, image in enumerate(images):
            by_shape[image.shape].append(index)
        squares: dict[int, Tensor] = {}
        for indices in by_shape.values():
            batch = torch.stack([images[index] for index in indices])
            squares |= zip(indices, to_squares(batch, self._size, self._preprocessing), strict=True)
        return [squares[index] for index in range(len(files))]

    def _check(self) -> None:
        """Decode a drawn image, and compare it with Pillow's."""
        ramp = np.add.outer(np.arange(_TRIAL_SIDE), np.arange(_TRIAL_SIDE)) * (255 / (2 * _TRIAL_SIDE))
        stream = io.BytesIO()
        Image.fromarray(ramp.astype(np.uint8)).convert("RGB").save(stream, "JPEG", quality=95)
        expected = to_square(Image.open(stream).convert("RGB"), self._size, self._preprocessing)
        try:
            (square,) = self._decoded([PlainJpeg(stream.getvalue(), (_TRIAL_SIDE, _TRIAL_SIDE))])
        except (ImportError, RuntimeError) as error:
            raise _unusable(self.device, reason_of(error)) from error
        if (square.cpu().int() - expected.int()).abs().max() > _TRIAL_DIFFERENCE:
            raise _unusable(self.device, "an image had other pixels than on the CPU")


def _parts(files: Sequence[PlainJpeg]) -> Iterator[list[PlainJpeg]]:
    """Consecutive files with at most `_MOST_PIXELS` pixels together, or a single larger one."""
    part: list[PlainJpeg] = []
    pixels = 0
    for file in files:
        width, height = file.size
        if part and pixels + width * height > _MOST_PIXELS:
            yield part
            part, pixels = [], 0
        part.append(file)
        pixels += width * height
    if part:
        yield part


def _unusable(device: torch.device, reason: str) -> UserError:
    return UserError(
        f"torchvision cannot decode JPEG files on {device}: {reason}",
        code="decode-gpu-unusable",
        remedy="Use --decode cpu, or install a torchvision with CUDA that has torchvision.io.decode_jpeg.",
    )
