"""JPEG files that torchvision decodes in batches, here on the CPU, where it decodes as Pillow does."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.io
from PIL import Image
from torch import Tensor

from attrgen.core.errors import UserError
from vr.clip.preprocessing import Preprocessing
from vr.data.decoding import jpeg_batches
from vr.data.decoding.jpeg_batches import JpegBatches, PlainJpeg
from vr.data.decoding.plain_jpeg import plain_size
from vr.data.decoding.resize import to_square

CPU = torch.device("cpu")
SHAPES = [(300, 200), (97, 211), (300, 200), (33, 50), (97, 211)]


def jpeg(shape: tuple[int, int], mode: str = "RGB", **options: Any) -> PlainJpeg:
    """A file of smooth shapes with some noise, as photographs are."""
    rng = np.random.default_rng(shape)
    coarse = Image.fromarray(rng.integers(40, 210, (6, 6, 3), dtype=np.uint8)).resize(shape)
    noisy = np.asarray(coarse) + rng.integers(-9, 10, (shape[1], shape[0], 3))
    stream = io.BytesIO()
    Image.fromarray(noisy.astype(np.uint8)).convert(mode).save(stream, "JPEG", **options)
    size = plain_size(stream.getvalue())
    assert size == shape
    return PlainJpeg(stream.getvalue(), shape)


FILES = [jpeg(shape, mode, progressive=n % 2 == 0) for n, shape in enumerate(SHAPES) for mode in ("RGB", "L")]


def as_pillow(file: PlainJpeg, size: int, preprocessing: Preprocessing) -> Tensor:
    return to_square(Image.open(io.BytesIO(file.content)).convert("RGB"), size, preprocessing)


def difference(squares: list[Tensor | None], expected: list[Tensor]) -> int:
    """The largest, in grey levels."""
    pairs = zip(squares, expected, strict=True)
    return max(int((one.cpu().int() - other.int()).abs().max()) for one, other in pairs if one is not None)


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_squares_are_those_of_pillow_in_order(mode: str, interpolation: str) -> None:
    preprocessing = Preprocessing.model_validate(
        {"size": 45, "resize_mode": mode, "interpolation": interpolation, "fill_color": 99}
    )
    squares = JpegBatches(CPU, 32, preprocessing)(FILES)
    assert all(square is not None and square.shape == (3, 32, 32) for square in squares)
    assert difference(squares, [as_pillow(file, 32, preprocessing) for file in FILES]) <= 2


def test_batches_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    preprocessing, sizes, decode = Preprocessing(size=32), [], torchvision.io.decode_jpeg
    batches = JpegBatches(CPU, 32, preprocessing)
    expected = batches(FILES)

    def counted(files: list[Tensor], **options: Any) -> list[Tensor]:
        sizes.append(len(files))
        return decode(files, **options)

    monkeypatch.setattr(torchvision.io, "decode_jpeg", counted)
    monkeypatch.setattr(jpeg_batches, "_MOST_PIXELS", 50_000)
    squares = batches(FILES)
    assert sizes == [1, 1, 2, 1, 1, 4]  # of 60,000, 20,467 and 1,650 pixels
    assert all(torch.equal(one, other) for one, other in zip(squares, expected, strict=True))


def test_a_file_that_cannot_be_decoded_costs_no_other() -> None:
    preprocessing = Preprocessing(size=32)
    batches = JpegBatches(CPU, 32, preprocessing)
    damaged = PlainJpeg(FILES[0].content[:200], FILES[0].size)
    squares = batches([FILES[3], damaged, FILES[4]])
    assert squares[1] is None
    assert difference(squares, [as_pillow(FILES[n], 32, preprocessing) for n in (3, 3, 4)]) <= 2
    assert batches([]) == [] and batches([damaged]) == [None]


@pytest.mark.parametrize("defect", ["absent", "without nvJPEG", "other pixels"])
def test_a_device_that_does_not_decode(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(files: list[Tensor], **options: Any) -> list[Tensor]:
        if defect == "other pixels":
            return [torch.zeros(3, 64, 64, dtype=torch.uint8) for _ in files]
        raise RuntimeError("not compiled with nvJPEG support\nexplanation")

    if defect == "absent":
        monkeypatch.delattr(torchvision.io, "decode_jpeg")
    else:
        monkeypatch.setattr(torchvision.io, "decode_jpeg", failing)
    with pytest.raises(UserError) as caught:
        JpegBatches(CPU, 32, Preprocessing(size=32))
    assert caught.value.code == "decode-gpu-unusable" and "\n" not in caught.value.what


def luma_and_chroma(square: Tensor) -> tuple[Tensor, Tensor]:
    """(H, W) and (2, H, W), of a square (3, H, W)."""
    red, green, blue = square.double()
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma, torch.stack(((blue - luma) / 1.772, (red - luma) / 1.402))


def assert_alike(square: Tensor, expected: Tensor, mode: str) -> None:
    # On an H100, grey files were off by at most 1 level, luma of 4:2:0 by 0.35 on average and 2 at most.
    # nvJPEG enlarges chroma in another way: of the smallest image it was off by 2.0 on average, 11 at most.
    if mode == "L":
        assert (square.int() - expected.int()).abs().max() <= 2
        return
    luma, chroma = (
        (one - other).abs()
        for one, other in zip(luma_and_chroma(square), luma_and_chroma(expected), strict=True)
    )
    assert luma.mean() < 0.6 and luma.max() <= 3
    assert chroma.mean() < 3 and chroma.max() < 20


def test_shifted_images_are_not_alike() -> None:
    for file, mode in zip(FILES[:2], ("RGB", "L"), strict=True):
        expected = as_pillow(file, 32, Preprocessing(size=32))
        assert_alike(expected, expected, mode)
        with pytest.raises(AssertionError):
            assert_alike(expected.roll(1, 2), expected, mode)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_a_gpu(mode: str, interpolation: str) -> None:
    preprocessing = Preprocessing.model_validate(
        {"size": 45, "resize_mode": mode, "interpolation": interpolation, "fill_color": 99}
    )
    batches = JpegBatches(torch.device("cuda"), 32, preprocessing)
    damaged = PlainJpeg(FILES[0].content[:200], FILES[0].size)
    squares = batches([*FILES, damaged])
    assert squares.pop() is None and all(square is not None and square.is_cuda for square in squares)
    for file, square in zip(FILES, squares, strict=True):
        assert square is not None
        assert_alike(
            square.cpu(), as_pillow(file, 32, preprocessing), Image.open(io.BytesIO(file.content)).mode
        )
