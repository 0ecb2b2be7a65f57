"""Occlusion maps against a plain double loop, and on a score whose place is known."""

from __future__ import annotations

from io import BytesIO

import pytest
import torch
from PIL import Image
from torch import Tensor

from vr.explanation.occlusion import draw_maps, occlusion_map


def logits(images: Tensor) -> Tensor:
    """Class 0 looks at one corner, class 1 at the mean of everything."""
    return torch.stack([images[:, :, :10, 30:].sum((1, 2, 3)), images.mean((1, 2, 3)) ** 2], dim=1)


@pytest.fixture
def image() -> Tensor:
    return torch.rand(3, 41, 41, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("grid", [3, 8])
def test_as_a_plain_loop(image, grid, label) -> None:
    expected = torch.zeros(grid, grid)
    for row in range(grid):
        for column in range(grid):
            drops = []
            for top in (row - 1, row):
                for left in (column - 1, column):
                    if 0 <= top <= grid - 2 and 0 <= left <= grid - 2:
                        y = [round(41 * step / grid) for step in (top, top + 2)]
                        x = [round(41 * step / grid) for step in (left, left + 2)]
                        hidden = image.clone()
                        for channel in range(3):
                            hidden[channel, y[0] : y[1], x[0] : x[1]] = image[channel].mean()
                        drops.append(logits(image[None])[0, label] - logits(hidden[None])[0, label])
            expected[row, column] = sum(drops) / len(drops)
    for batch_size in (1, 5, 100):
        actual = occlusion_map(logits, image, label, grid=grid, batch_size=batch_size)
        torch.testing.assert_close(actual, expected, atol=1e-4, rtol=1e-4)


def test_it_finds_the_corner() -> None:
    image = torch.zeros(3, 40, 40)
    image[:, :10, 30:] = 1
    drops = occlusion_map(logits, image, 0, grid=4)
    assert divmod(int(drops.argmax()), 4) == (0, 3)
    assert drops[3, 0].abs() < 1e-3
    assert drops[0, 3] > 100


def test_the_picture_shows_every_image(image) -> None:
    drops = [occlusion_map(logits, image, 0, grid=4), torch.zeros(4, 4)]
    content = draw_maps([image, 1 - image], drops, ["one $x_1^2", "two"])
    drawn = Image.open(BytesIO(content))
    assert drawn.format == "PNG"
    one = Image.open(BytesIO(draw_maps([image], drops[:1], ["one"])))
    assert drawn.height == 2 * one.height and drawn.width == one.width
