"""From an image of any shape to the square that a model reads; uint8 (3, H, W) tensors.

Bit for bit the same as open_clip's evaluation transform before its normalisation, in all three resize modes.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from vr.clip.preprocessing import Preprocessing

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def resize_short(image: Image.Image, size: int, preprocessing: Preprocessing | None = None) -> torch.Tensor:
    """Resize so that the short side is `size` pixels.

    Args:
        image: RGB.
        preprocessing: gives the interpolation; bicubic by default.

    Returns:
        (3, H, W) uint8 with min(H, W) == size.
    """
    return _tensor(_shortest(image, size, _filter(preprocessing)))


def to_square(image: Image.Image, size: int, preprocessing: Preprocessing | None = None) -> torch.Tensor:
    """Resize to a square in a model's resize mode.

    Args:
        image: RGB.
        size: side of the square in pixels; the image inside a frame is smaller than the model's.
        preprocessing: gives the resize mode; by default the short side is resized and the centre cropped.

    Returns:
        (3, size, size) uint8.
    """
    mode = "shortest" if preprocessing is None else preprocessing.resize_mode
    if mode == "squash":
        return _tensor(image.resize((size, size), _filter(preprocessing)))
    if mode == "longest":
        assert preprocessing is not None
        return _tensor(_filled(image, size, preprocessing))
    resized = _shortest(image, size, _filter(preprocessing))
    top, left = centre(resized.height, size), centre(resized.width, size)
    return _tensor(resized.crop((left, top, left + size, top + size)))


def for_training(image: Image.Image, size: int, preprocessing: Preprocessing | None = None) -> torch.Tensor:
    """Resize for random crops: the whole image, of which `to_square` shows the centre.

    Args:
        image: RGB.

    Returns:
        (3, H, W) uint8 with min(H, W) == size; a square where the model's images are whole anyway.
    """
    if preprocessing is None or preprocessing.resize_mode == "shortest":
        return resize_short(image, size, preprocessing)
    return to_square(image, size, preprocessing)


def centre(extent: int, size: int) -> int:
    """First row or column of a centre crop, rounded as torchvision does."""
    return round((extent - size) / 2)


def short_shape(shape: tuple[int, int], size: int) -> tuple[int, int]:
    """Width and height of an image whose short side becomes `size`."""
    short = min(shape)
    return int(size * shape[0] / short), int(size * shape[1] / short)


def long_shape(shape: tuple[int, int], size: int) -> tuple[int, int]:
    """Width and height of an image whose long side becomes `size`."""
    ratio = max(shape[0] / size, shape[1] / size)
    return max(1, round(shape[0] / ratio)), max(1, round(shape[1] / ratio))


def fill_color(preprocessing: Preprocessing) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, around an image whose long side was resized."""
    color = preprocessing.fill_color
    return (color,) * 3 if isinstance(color, int) else color


def _filter(preprocessing: Preprocessing | None) -> Image.Resampling:
    return _FILTERS["bicubic" if preprocessing is None else preprocessing.interpolation]


def _shortest(image: Image.Image, size: int, resampling: Image.Resampling) -> Image.Image:
    shape = short_shape(image.size, size)
    return image if shape == image.size else image.resize(shape, resampling)


def _filled(image: Image.Image, size: int, preprocessing: Preprocessing) -> Image.Image:
    """The long side at `size`, centred on a square of the fill colour."""
    width, height = long_shape(image.size, size)
    resized = image.resize((width, height), _filter(preprocessing))
    square = Image.new("RGB", (size, size), fill_color(preprocessing))
    square.paste(resized, ((size - width) // 2, (size - height) // 2))
    return square


def _tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).contiguous()
