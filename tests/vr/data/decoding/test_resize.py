"""Geometry against torchvision, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, v2

from vr.data.decoding.resize import resize_short, to_square

SIZES = [(300, 200), (200, 300), (224, 224), (97, 411), (50, 33), (192, 193), (1, 7)]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("size", [32, 96])
def test_as_torchvision(shape: tuple[int, int], size: int) -> None:
    values = np.random.default_rng(0).integers(0, 256, (shape[1], shape[0], 3), dtype=np.uint8)
    image = Image.fromarray(values)
    resize = v2.Resize(size, interpolation=InterpolationMode.BICUBIC, antialias=True)
    as_tensor = v2.PILToTensor()
    assert torch.equal(resize_short(image, size), as_tensor(resize(image)))
    assert torch.equal(to_square(image, size), as_tensor(v2.CenterCrop(size)(resize(image))))
    assert to_square(image, size).dtype == torch.uint8
    assert min(resize_short(image, size).shape[1:]) == size
