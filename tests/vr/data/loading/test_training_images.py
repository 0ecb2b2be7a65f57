"""The training set on the device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.decoding.resize import to_square
from vr.data.loading import training_images
from vr.data.loading.stream import stream
from vr.data.loading.training_images import TrainingImages
from vr.data.sources import open_source


def images(*shapes: tuple[int, int]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(0, 256, (3, *shape), generator=generator, dtype=torch.uint8) for shape in shapes]


@pytest.mark.parametrize("shapes", [[(16, 16)] * 3, [(16, 24), (16, 16), (40, 16)]])
def test_without_augmentation_it_is_the_centre_crop_exactly(shapes: list[tuple[int, int]]) -> None:
    stored = images(*shapes)
    resident = TrainingImages(stored, [0, 1, 0], 16)
    batch = resident.batch(torch.tensor([2, 0, 1, 1]), augment=False)
    assert batch.shape == (4, 3, 16, 16)
    assert resident.labels.tolist() == [0, 1, 0]
    for row, index in enumerate([2, 0, 1, 1]):
        image = Image.fromarray(stored[index].permute(1, 2, 0).numpy())
        assert torch.equal(batch[row], to_square(image, 16).float() / 255)


def test_it_agrees_with_the_stream(forms: dict[str, Path], card: Card) -> None:
    source = open_source(card, forms["coop"])
    items = source.splits["test"]
    resident = TrainingImages.load(source, items, 16, workers=2)
    streamed = torch.cat([batch.images for batch in stream(source, items, 16, batch_size=3)])
    assert torch.equal(resident.batch(torch.arange(len(items)), augment=False), streamed.float() / 255)


def test_padding_never_shows() -> None:
    """White images of every shape stay white: no crop reaches into what a batch was padded with."""
    white = [
        torch.full((3, *shape), 255, dtype=torch.uint8) for shape in [(16, 60), (16, 16), (60, 16), (16, 33)]
    ]
    resident = TrainingImages(white, [0] * 4, 16)
    generator = torch.Generator().manual_seed(0)
    batch = resident.batch(torch.arange(4).repeat(50), generator=generator)
    assert batch.min() > 1 - 1e-5


def test_stored_apart_the_batches_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = images((16, 60), (16, 24), (50, 16), (16, 33))
    together = TrainingImages(stored, [0] * 4, 16)
    monkeypatch.setattr(training_images, "_MOST_PADDED", 0)
    apart = TrainingImages(stored, [0] * 4, 16)
    assert (together._stack is None, apart._stack is None) == (False, True)
    for rows in ([1, 3], [2, 0, 0], [3, 2, 1, 0]):
        batches = [loaded._gather(torch.tensor(rows))[0] for loaded in (together, apart)]
        assert torch.equal(*batches)  # the size of a product decides in which order it is summed


def test_the_same_generator_gives_the_same_batch() -> None:
    resident = TrainingImages(images((16, 24), (16, 16)), [0, 1], 16)
    draws = [
        resident.batch(torch.tensor([0, 1, 1]), generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert draws[0].dtype == torch.float32


def test_another_size_is_resized() -> None:
    resident = TrainingImages(images((16, 24), (16, 16)), [0, 1], 16)
    assert resident.batch(torch.tensor([0, 1]), 8, augment=False).shape == (2, 3, 8, 8)
    assert resident.batch(torch.tensor([0, 1]), 8).shape == (2, 3, 8, 8)


def test_an_unreadable_image_is_named(forms: dict[str, Path], card: Card) -> None:
    source = open_source(card, forms["folder"])
    item = source.splits["train"][3]
    (source.root / item.path).write_bytes(b"broken")
    with pytest.raises(UserError) as caught:
        TrainingImages.load(source, source.splits["train"], 16)
    assert (caught.value.file or "").endswith(item.path)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_same_on_a_gpu() -> None:
    stored = images((16, 24), (16, 16))
    batches = [
        TrainingImages(stored, [0, 1], 16, device).batch(
            torch.tensor([0, 1, 1]), generator=torch.Generator().manual_seed(0)
        )
        for device in ("cpu", "cuda")
    ]
    assert batches[1].is_cuda
    assert np.allclose(batches[0].numpy(), batches[1].cpu().numpy(), atol=2e-3)
