"""The training set on the device: decoded once, stored as uint8, batched there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vr.clip.preprocessing import Preprocessing
from vr.data.decoding.resize import centre, for_training
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.augment import crop_and_resize, random_flip, random_resized_crop, trivial_augment
from vr.data.loading.kept import kept
from vr.data.loading.parallel import ordered_map
from vr.runtime.device import moved

_MOST_PADDED = 2**28  # bytes of images of different shapes that are stored padded


class TrainingImages:
    """Decoded images on a device. Their short side is `size`; aspect ratios may differ.

    Args:
        images: (3, H, W) uint8 tensors.
        labels: one label per image.
        size: short side in pixels.
        device: where they are stored.
    """

    def __init__(
        self, images: Sequence[Tensor], labels: Sequence[int], size: int, device: torch.device | str = "cpu"
    ) -> None:
        self.size = size
        self.device = torch.device(device)
        self.labels = torch.tensor(list(labels), dtype=torch.long, device=self.device)
        self.extents = torch.tensor([image.shape[-2:] for image in images], dtype=torch.long)
        # As one tensor, a batch is one gather; apart, it is a copy per image.
        together = (
            bool((self.extents == self.extents[0]).all()) or _padded_bytes(self.extents) <= _MOST_PADDED
        )
        self._stack = _padded(images, self.extents).to(self.device) if together else None
        self._images = [] if together else [image.to(self.device) for image in images]

    @classmethod
    def load(
        cls,
        source: ImageSource,
        items: Sequence[Item],
        size: int,
        preprocessing: Preprocessing | None = None,
        *,
        device: torch.device | str = "cpu",
        workers: int = 4,
    ) -> TrainingImages:
        """Read, decode and resize `items` once; see `vr.data.decoding.resize.for_training`.

        Raises:
            UserError: an image cannot be read; the message names it.
        """

        how = ("training", size, str(preprocessing))

        def read(item: Item) -> Tensor:
            return kept(source, item, how, lambda: for_training(source.read(item.path), size, preprocessing))

        images = ordered_map(read, items, workers=workers)
        return cls(list(images), [item.label for item in items], size, device)

    def __len__(self) -> int:
        return len(self.labels)

    def batch(
        self,
        indices: Tensor,
        size: int | None = None,
        generator: torch.Generator | None = None,
        augment: bool = True,
        min_crop: float = 0.08,
        trivial: bool = False,
    ) -> Tensor:
        """Images `indices` (B,) as float (B, 3, size, size) in [0, 1], on the device.

        With `augment`, a random resized crop and a random flip of every image, drawn from `generator` (on the
        CPU, so that a run is the same on every device); otherwise the centre crop, exactly the stored bytes.
        A crop has between `min_crop` and all of an image's area; 0.08 is torchvision's default. With
        `trivial`, TrivialAugment follows.
        """
        size = size or self.size
        images, extents = self._gather(indices)
        if augment:
            scale = (min_crop, 1.0)
            cropped = random_resized_crop(images, size, scale=scale, extents=extents, generator=generator)
            flipped = random_flip(cropped, generator)
            return trivial_augment(flipped, generator) if trivial else flipped
        return _centre_crop(images, extents, self.size, size)

    def _gather(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        chosen = indices.cpu()
        extents = self.extents[chosen]
        if self._stack is None:
            return _padded([self._images[index] for index in chosen.tolist()], extents), extents
        height, width = extents.max(0).values.tolist()
        rows = self._stack[moved(indices, self.device)]
        return rows[..., :height, :width].contiguous(), extents


def _padded(images: Sequence[Tensor], extents: Tensor) -> Tensor:
    """Images as one tensor (B, 3, H, W), with zeros below and to the right of the smaller ones."""
    height, width = extents.max(0).values.tolist()
    padded = torch.zeros(len(images), 3, height, width, dtype=torch.uint8, device=images[0].device)
    for row, image in zip(padded, images, strict=True):
        row[:, : image.shape[1], : image.shape[2]] = image
    return padded


def _padded_bytes(extents: Tensor) -> int:
    height, width = extents.max(0).values.tolist()
    return 3 * height * width * len(extents)


def _centre_crop(images: Tensor, extents: Tensor, stored: int, size: int) -> Tensor:
    corners = [(centre(height, stored), centre(width, stored)) for height, width in extents.tolist()]
    if stored != size:
        boxes = torch.tensor([(top, left, stored, stored) for top, left in corners])
        return crop_and_resize(images, boxes, size)
    crops = [
        image[:, top : top + size, left : left + size]
        for image, (top, left) in zip(images, corners, strict=True)
    ]
    return torch.stack(crops).float() / 255
