"""Augmentation against torchvision v2: the same pixels for the same box, the same distribution of boxes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, ks_2samp
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as reference

from vr.data.loading.augment import (
    crop_and_resize,
    crop_boxes,
    random_flip,
    random_resized_crop,
    trivial_augment,
)

SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)


def natural(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """Noise on smooth structure, (3, H, W) uint8: hard edges and flat parts."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 7, 7, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="nearest")[0]
    return ((smooth * 0.8 + torch.rand(3, height, width, generator=generator) * 0.2) * 255).to(torch.uint8)


@pytest.mark.parametrize(
    "box", [(0, 0, 96, 96), (10, 20, 31, 40), (5, 0, 80, 30), (3, 60, 90, 90), (40, 40, 1, 1)]
)
@pytest.mark.parametrize("size", [32, 96])
def test_a_crop_as_torchvision_makes_it(box: tuple[int, int, int, int], size: int) -> None:
    image = natural(96, 150)
    made = crop_and_resize(image[None], torch.tensor([box]), size)[0]
    expected = reference.resized_crop(
        image, *box, [size, size], interpolation=InterpolationMode.BICUBIC, antialias=True
    )
    difference = (made - expected.float() / 255).abs()
    assert difference.mean() < 1 / 255  # the reference rounds to bytes
    assert difference.max() < 3 / 255


def test_against_float_torchvision_it_is_all_but_exact() -> None:
    image = natural(96, 150).float() / 255
    box = (10, 20, 61, 70)
    made = crop_and_resize(image[None], torch.tensor([box]), 32)[0]
    expected = reference.resized_crop(
        image, *box, [32, 32], interpolation=InterpolationMode.BICUBIC, antialias=True
    )
    assert torch.allclose(made, expected.clamp(0, 1), atol=1e-5)


def test_the_batch_is_within_two_of_255_of_torchvision_with_the_same_boxes() -> None:
    extents = [(96, 96), (96, 150), (200, 96), (96, 97)] * 8
    images = [natural(*extent, seed) for seed, extent in enumerate(extents)]
    padded = torch.zeros(len(images), 3, 200, 150, dtype=torch.uint8)
    for row, image in enumerate(images):
        padded[row, :, : image.shape[1], : image.shape[2]] = image
    shapes = torch.tensor(extents)
    boxes = crop_boxes(shapes, scale=SCALE, ratio=RATIO, generator=torch.Generator().manual_seed(5))
    made = random_resized_crop(padded, 96, extents=shapes, generator=torch.Generator().manual_seed(5))
    differences = []
    for image, box, own in zip(images, boxes.tolist(), made, strict=True):
        expected = reference.resized_crop(
            image, *box, [96, 96], interpolation=InterpolationMode.BICUBIC, antialias=True
        )
        differences.append((own - expected.float() / 255).abs().mean())
    assert max(differences) < 2 / 255
    assert made.min() >= 0
    assert made.max() <= 1


@pytest.mark.parametrize("extent", [(192, 192), (192, 256), (192, 700), (600, 192)])
def test_the_boxes_are_distributed_as_torchvisions(extent: tuple[int, int]) -> None:
    count = 4000
    boxes = crop_boxes(
        torch.tensor([extent]).expand(count, 2),
        scale=SCALE,
        ratio=RATIO,
        generator=torch.Generator().manual_seed(1),
    )
    torch.manual_seed(2)
    transform = v2.RandomResizedCrop(192, scale=SCALE, ratio=RATIO)
    image = torch.empty(3, *extent)
    drawn = [transform.make_params([image]) for _ in range(count)]
    theirs = np.array([[d["top"], d["left"], d["height"], d["width"]] for d in drawn])
    ours = boxes.numpy()
    assert (ours[:, 0] + ours[:, 2] <= extent[0]).all()
    assert (ours[:, 1] + ours[:, 3] <= extent[1]).all()
    assert (ours[:, 2:] > 0).all()
    for column in range(4):
        assert ks_2samp(ours[:, column], theirs[:, column]).pvalue > 1e-3, column
    for derived in (
        lambda b: b[:, 2] * b[:, 3],
        lambda b: b[:, 3] / b[:, 2],
        lambda b: b[:, 0] + b[:, 2] / 2,
    ):
        assert ks_2samp(derived(ours), derived(theirs)).pvalue > 1e-3


def test_every_place_of_a_small_image_is_reached() -> None:
    boxes = crop_boxes(
        torch.tensor([[5, 7]]).expand(4000, 2),
        scale=(0.1, 0.3),
        ratio=RATIO,
        generator=torch.Generator().manual_seed(0),
    )
    twos = boxes[(boxes[:, 2] == 2) & (boxes[:, 3] == 2)]
    counts = torch.zeros(4, 6).index_put_((twos[:, 0], twos[:, 1]), torch.ones(len(twos)), accumulate=True)
    assert len(twos) > 500
    assert chisquare(counts.flatten().numpy()).pvalue > 1e-3


def test_where_no_box_fits_it_is_the_largest_in_the_centre() -> None:
    boxes = crop_boxes(torch.tensor([[10, 100], [100, 10], [50, 50]]), scale=(0.9, 1.0), ratio=RATIO)
    assert boxes[0].tolist() == [0, 43, 10, 13]
    assert boxes[1].tolist() == [43, 0, 13, 10]


def test_flip_is_even_and_each_images_own() -> None:
    images = torch.zeros(2000, 3, 2, 4)
    images[..., 0] = 1
    flipped = random_flip(images, torch.Generator().manual_seed(0))
    mirrored = flipped[:, 0, 0, 3].bool()
    assert 900 < int(mirrored.sum()) < 1100
    assert torch.equal(flipped[~mirrored], images[~mirrored])
    assert torch.equal(flipped[mirrored], images[mirrored].flip(-1))


def test_the_generator_decides_everything() -> None:
    images = torch.stack([natural(40, 60, seed) for seed in range(4)])
    draws = [
        random_resized_crop(images, 24, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_bytes_and_floats_are_the_same_images() -> None:
    images = torch.stack([natural(40, 60)])
    as_bytes, as_floats = (
        random_resized_crop(form, 24, generator=torch.Generator().manual_seed(3))
        for form in (images, images.float() / 255)
    )
    assert torch.allclose(as_bytes, as_floats, atol=1e-6)


def test_trivial_augment_is_torchvisions_and_draws_from_the_generator_alone() -> None:
    from torchvision.transforms import v2

    images = torch.rand(4, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    state = torch.random.get_rng_state()
    changed = trivial_augment(images, torch.Generator().manual_seed(7))
    assert torch.equal(torch.random.get_rng_state(), state)
    seed = int(torch.randint(2**31, (), generator=torch.Generator().manual_seed(7)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy = v2.TrivialAugmentWide()
        expected = [policy((255 * image).round().to(torch.uint8)) for image in images]
    assert torch.equal((255 * changed).round(), torch.stack(expected).float())
    assert not torch.equal(changed, trivial_augment(images, torch.Generator().manual_seed(8)))
