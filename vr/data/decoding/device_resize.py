"""`vr.data.decoding.resize` for decoded images on a device: the same squares, up to rounding."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vr.clip.preprocessing import Preprocessing
from vr.data.decoding.resize import centre, fill_color, long_shape, short_shape


def to_squares(images: Tensor, size: int, preprocessing: Preprocessing) -> Tensor:
    """Resize images of one shape to squares in a model's resize mode.

    Args:
        images: (B, 3, H, W) uint8.
        size: see `vr.data.decoding.resize.to_square`.

    Returns:
        (B, 3, size, size) uint8, on the same device.
    """
    height, width = images.shape[2:]
    filtering = preprocessing.interpolation
    if preprocessing.resize_mode == "squash":
        return _resized(images, (size, size), filtering)
    if preprocessing.resize_mode == "longest":
        resized = _resized(images, long_shape((width, height), size), filtering)
        return _filled(resized, size, preprocessing)
    resized = _resized(images, short_shape((width, height), size), filtering)
    top, left = centre(resized.shape[2], size), centre(resized.shape[3], size)
    return resized[:, :, top : top + size, left : left + size]


def _resized(images: Tensor, shape: tuple[int, int], filtering: str) -> Tensor:
    """Images with another width and height, rounded after each direction as Pillow does."""
    width, height = shape
    return _widened(_widened(images, width, filtering).transpose(2, 3), height, filtering).transpose(2, 3)


def _widened(images: Tensor, width: int, filtering: str) -> Tensor:
    """Images (B, 3, H, W) with another width, antialiased.

    Only the width, and the height of transposed images: torch 2.15 resizes the height of an image that is one
    pixel wide wrongly on a CPU.
    """
    if images.shape[3] == width:
        return images
    values = F.interpolate(images.float(), (images.shape[2], width), mode=filtering, antialias=True)
    return values.round_().clamp_(0, 255).to(torch.uint8)


def _filled(images: Tensor, size: int, preprocessing: Preprocessing) -> Tensor:
    """Images in the centre of squares of the fill colour."""
    color = torch.tensor(fill_color(preprocessing), dtype=torch.uint8, device=images.device)
    squares = color.view(1, 3, 1, 1).repeat(len(images), 1, size, size)
    height, width = images.shape[2:]
    top, left = (size - height) // 2, (size - width) // 2
    squares[:, :, top : top + height, left : left + width] = images
    return squares
