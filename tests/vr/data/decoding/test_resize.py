"""Resize modes against torchvision and open_clip's evaluation transform, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torchvision.transforms import InterpolationMode, v2

from vr.clip.preprocessing import Preprocessing
from vr.data.decoding.resize import for_training, resize_short, to_square

SIZES = [(300, 200), (200, 300), (224, 224), (97, 411), (50, 33), (192, 193), (1, 7), (32, 32), (640, 32)]


def noise(shape: tuple[int, int]) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (shape[1], shape[0], 3), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("size", [32, 96])
def test_the_default_is_as_torchvision(shape: tuple[int, int], size: int) -> None:
    image = noise(shape)
    resize = v2.Resize(size, interpolation=InterpolationMode.BICUBIC, antialias=True)
    as_tensor = v2.PILToTensor()
    assert torch.equal(resize_short(image, size), as_tensor(resize(image)))
    assert torch.equal(to_square(image, size), as_tensor(v2.CenterCrop(size)(resize(image))))
    assert to_square(image, size).dtype == torch.uint8
    assert min(resize_short(image, size).shape[1:]) == size


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("fill", [0, 127, (10, 200, 30)])
def test_every_mode_is_as_open_clip(shape: tuple[int, int], mode: str, interpolation: str, fill: int) -> None:
    image = noise(shape)
    values = {"resize_mode": mode, "interpolation": interpolation, "fill_color": fill}
    for size in (32, 45):
        transform = image_transform_v2(PreprocessCfg(size=size, **values), is_train=False)
        expected = v2.Compose(transform.transforms[:-1])(image)  # all but the normalisation
        result = to_square(image, size, Preprocessing.model_validate({"size": size, **values}))
        assert torch.equal(result.float() / 255, expected)


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
def test_a_training_image_has_the_evaluation_image_in_its_centre(mode: str) -> None:
    image, preprocessing = noise((61, 40)), Preprocessing.model_validate({"size": 32, "resize_mode": mode})
    stored = for_training(image, 24, preprocessing)
    assert min(stored.shape[1:]) == 24
    assert torch.equal(v2.CenterCrop(24)(stored), to_square(image, 24, preprocessing))
    assert (stored.shape == (3, 24, 24)) == (mode != "shortest")
