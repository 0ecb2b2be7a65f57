"""Squares that are resized by torch against those of Pillow, which models are trained and evaluated with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from vr.clip.preprocessing import Preprocessing
from vr.data.decoding.device_resize import to_squares
from vr.data.decoding.resize import to_square

SHAPES = [(300, 200), (200, 300), (224, 224), (97, 411), (50, 33), (32, 32), (640, 32), (1, 7), (3, 300)]


def differences(shape: tuple[int, int], values: tuple[int, int], preprocessing: Preprocessing) -> Tensor:
    """Of images of noise between two values, in grey levels."""
    noise = np.random.default_rng(0).integers(*values, (2, shape[1], shape[0], 3), dtype=np.uint8)
    size = preprocessing.size
    expected = torch.stack([to_square(Image.fromarray(image), size, preprocessing) for image in noise])
    squares = to_squares(torch.from_numpy(noise).permute(0, 3, 1, 2), size, preprocessing)
    assert squares.shape == expected.shape and squares.dtype == torch.uint8
    return (squares.int() - expected.int()).abs()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_every_mode_is_as_pillow(shape: tuple[int, int], mode: str, interpolation: str) -> None:
    how = {"resize_mode": mode, "interpolation": interpolation, "fill_color": (10, 200, 30)}
    for size in (32, 45, 224):
        preprocessing = Preprocessing.model_validate({"size": size, **how})
        assert differences(shape, (60, 190), preprocessing).max() <= 2
        # Bicubic filters overshoot. Then it matters which direction is the first; Pillow may take the other.
        extremes = differences(shape, (0, 256), preprocessing)
        assert extremes.max() <= 24 and extremes.float().mean() < 1
