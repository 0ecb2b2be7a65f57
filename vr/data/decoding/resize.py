"""Geometry before the encoder: short side to size, centre crop; uint8 (3, H, W) tensors.

The same as `torchvision.transforms.v2.Resize` (bicubic, antialiased) and `CenterCrop` on PIL images, which is
also what open_clip's evaluation transform does.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image


def resize_short(image: Image.Image, size: int) -> torch.Tensor:
    """Resize so that the short side is `size` pixels.

    Args:
        image: RGB.

    Returns:
        (3, H, W) uint8 with min(H, W) == size.
    """
    return _tensor(_resized(image, size))


def to_square(image: Image.Image, size: int) -> torch.Tensor:
    """Resize the short side to `size` and crop the centre.

    Args:
        image: RGB.

    Returns:
        (3, size, size) uint8.
    """
    resized = _resized(image, size)
    top, left = centre(resized.height, size), centre(resized.width, size)
    return _tensor(resized.crop((left, top, left + size, top + size)))


def centre(extent: int, size: int) -> int:
    """First row or column of a centre crop, rounded as torchvision does."""
    return round((extent - size) / 2)


def _resized(image: Image.Image, size: int) -> Image.Image:
    width, height = image.size
    short = min(width, height)
    shape = (int(size * width / short), int(size * height / short))
    return image if shape == image.size else image.resize(shape, Image.Resampling.BICUBIC)


def _tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).contiguous()
