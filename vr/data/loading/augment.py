"""Training augmentation for a whole batch on the device: random resized crop and flip, drawn per image.

The distributions are those of torchvision's `RandomResizedCrop` and `RandomHorizontalFlip`. An antialiased
bicubic resize of a crop is linear and separable, so a batch of different crops is two batched matrix
products, `rows @ image @ columns.T`, with one small weight matrix per image and axis.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vr.runtime.device import moved

_ATTEMPTS = 10
_CUBIC = -0.5  # the coefficient of PIL's and torch's antialiased bicubic kernel


def random_resized_crop(
    images: Tensor,
    size: int,
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    extents: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Crop a random box of each image and resize it, bicubic with antialiasing.

    Args:
        images: (B, 3, H, W), uint8, or float in [0, 1].
        size: side of the result in pixels.
        scale, ratio: ranges of the box's share of the area, and of its width over its height.
        extents: (B, 2), true height and width of images that are padded at the bottom and the right.
        generator: on any device; the boxes are drawn there.

    Returns:
        (B, 3, size, size) float in [0, 1].
    """
    boxes = crop_boxes(_extents(images, extents), scale=scale, ratio=ratio, generator=generator)
    return crop_and_resize(images, boxes, size)


def random_flip(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Mirror each image (B, 3, H, W) left to right with probability one half."""
    device = generator.device if generator is not None else images.device
    flip = torch.rand(len(images), generator=generator, device=device) < 0.5
    return torch.where(moved(flip, images.device)[:, None, None, None], images.flip(-1), images)


def trivial_augment(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """TrivialAugment (Müller and Hutter, ICCV 2021): one random operation of random strength per image.

    Operations and strengths are those of torchvision's `TrivialAugmentWide`; pixels are rounded to 8 bits.

    Args:
        images: (B, 3, s, s) float in [0, 1]; so is the result.
        generator: on the CPU.
    """
    from torchvision.transforms import v2

    change = v2.TrivialAugmentWide()
    seed = int(torch.randint(2**31, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # torchvision draws from the global generator
        return torch.stack([change(image) for image in (255 * images).round().byte()]).float() / 255


def crop_boxes(
    extents: Tensor,
    *,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw a box for each image as `torchvision.transforms.RandomResizedCrop.get_params` does.

    Ten boxes are tried per image; the first that fits is taken, else the largest centred box within `ratio`.

    Args:
        extents: (B, 2) heights and widths.

    Returns:
        (B, 4) int64: top, left, height, width.
    """
    device = generator.device if generator is not None else extents.device
    height, width = extents.to(device).long().unbind(1)
    draws = torch.rand(4, len(extents), _ATTEMPTS, generator=generator, device=device, dtype=torch.float64)
    area = (height * width)[:, None] * (scale[0] + (scale[1] - scale[0]) * draws[0])
    low, high = math.log(ratio[0]), math.log(ratio[1])
    aspect = torch.exp(low + (high - low) * draws[1])
    tried_width = torch.sqrt(area * aspect).round().long()
    tried_height = torch.sqrt(area / aspect).round().long()
    fits = (tried_width > 0) & (tried_width <= width[:, None])
    fits &= (tried_height > 0) & (tried_height <= height[:, None])
    first = fits.long().argmax(1, keepdim=True)
    box_height, box_width = tried_height.gather(1, first)[:, 0], tried_width.gather(1, first)[:, 0]
    top = (draws[2].gather(1, first)[:, 0] * (height - box_height + 1)).long()
    left = (draws[3].gather(1, first)[:, 0] * (width - box_width + 1)).long()
    drawn = torch.stack([top, left, box_height, box_width], 1)
    return torch.where(fits.any(1)[:, None], drawn, _central(height, width, ratio))


def _central(height: Tensor, width: Tensor, ratio: tuple[float, float]) -> Tensor:
    image_ratio = width.double() / height.double()
    box_width = torch.where(image_ratio > ratio[1], (height.double() * ratio[1]).round().long(), width)
    box_height = torch.where(image_ratio < ratio[0], (width.double() / ratio[0]).round().long(), height)
    return torch.stack([(height - box_height) // 2, (width - box_width) // 2, box_height, box_width], 1)


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Crop each image to its box and resize it to a square, bicubic with antialiasing.

    Args:
        images: (B, 3, H, W), uint8, or float in [0, 1].
        boxes: (B, 4): top, left, height, width; each inside its image.

    Returns:
        (B, 3, size, size) float in [0, 1]; overshoots of the bicubic kernel are clamped.
    """
    top, left, height, width = moved(boxes, images.device).unbind(1)
    rows = _weights(top, height, images.shape[-2], size)
    columns = _weights(left, width, images.shape[-1], size)
    pixels = images.float() / 255 if images.dtype == torch.uint8 else images.float()
    resized = rows[:, None] @ pixels @ columns[:, None].transpose(-1, -2)
    return resized.clamp_(0, 1)


def _weights(start: Tensor, length: Tensor, extent: int, size: int) -> Tensor:
    """(B, size, extent): how much each input position of [start, start + length) counts for each output."""
    step = (length.float() / size)[:, None, None]
    centres = (torch.arange(size, device=start.device) + 0.5)[None, :, None] * step
    position = torch.arange(extent, device=start.device)[None, None, :] - start[:, None, None]
    stretch = step.clamp(min=1)  # antialiasing: the kernel grows with the reduction
    weights = _cubic((position + 0.5 - centres) / stretch)
    weights = weights * ((position >= 0) & (position < length[:, None, None]))
    return weights / weights.sum(-1, keepdim=True)


def _cubic(x: Tensor) -> Tensor:
    """Keys' cubic convolution kernel (IEEE TASSP 29, 1981), zero beyond two."""
    x = x.abs()
    near = ((_CUBIC + 2) * x - (_CUBIC + 3)) * x * x + 1
    far = _CUBIC * (((x - 5) * x + 8) * x - 4)
    return torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


def _extents(images: Tensor, extents: Tensor | None) -> Tensor:
    if extents is not None:
        return extents
    return torch.tensor(images.shape[-2:], dtype=torch.long).expand(len(images), 2)
