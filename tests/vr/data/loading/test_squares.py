"""Files as squares, decoded in batches on a device; the device here is the CPU."""

from __future__ import annotations

from zipfile import ZipFile

import numpy as np
import pytest
import torch
import torchvision.io
from PIL import Image
from torch import Tensor

from attrgen.core.errors import UserError
from vr.clip.preprocessing import Preprocessing
from vr.data.decoding.jpeg_batches import JpegBatches
from vr.data.loading.squares import Count, CpuSquares, DeviceSquares, Square, Squares
from vr.data.loading.unlabelled import UnlabelledFiles, image_paths

PREPROCESSING = Preprocessing(size=32)
MISSING = "nowhere.jpg"
PLAIN = 12  # of the files below: neither turned nor CMYK nor PNG nor damaged


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """JPEG files of several kinds, PNG files, damaged ones, one that is missing, and an archive."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    turned = Image.Exif()
    turned[274] = 6
    options = [{}, {"progressive": True}, {"exif": turned}]
    for number in range(24):
        coarse = rng.integers(40, 210, (5, 5, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((40 + number % 3, 60))
        image = image.convert(("RGB", "L", "CMYK")[number % 5 % 3])
        path = folder / f"{number:02d}.jpg"
        image.save(path, "JPEG", **options[number % 3])
        if number % 6 == 5:
            image.convert("RGB").save(path, "PNG")
        if number % 7 == 3:
            path.write_bytes(path.read_bytes()[: 200 + 300 * (number % 2)])
    with ZipFile(folder / "more.zip", "w") as archive:
        archive.write(folder / "00.jpg", "in/00.jpg")
    return [*image_paths([folder]), MISSING, *image_paths([folder / "more.zip"])]


def cpu() -> CpuSquares:
    return CpuSquares(UnlabelledFiles(), 32, PREPROCESSING)


def device() -> DeviceSquares:
    return DeviceSquares(cpu(), JpegBatches(torch.device("cpu"), 32, PREPROCESSING), workers=2)


def all_of(squares: Squares, paths: list[str]) -> list[Square]:
    return squares.finished([squares.read(path) for path in paths])


def check_equal(actual: list[Square], expected: list[Square]) -> None:
    """The same images up to rounding, and the very same errors, in the same order."""
    for one, other in zip(actual, expected, strict=True):
        if isinstance(one, UserError) or isinstance(other, UserError):
            assert isinstance(one, UserError) and isinstance(other, UserError)
            assert (str(one), one.code, one.file) == (str(other), other.code, other.file)
        else:
            assert (one.int() - other.int()).abs().max() <= 2


def test_images_and_errors_are_those_of_the_cpu(paths: list[str]) -> None:
    on_cpu, on_device = cpu(), device()
    expected = all_of(on_cpu, paths)
    check_equal(all_of(on_device, paths), expected)
    readable = sum(isinstance(square, Tensor) for square in expected)
    assert on_cpu.count == Count(0, readable) and len(paths) - readable == 4
    assert on_device.count.on_device == PLAIN and on_device.count.on_cpu == readable - PLAIN
    check_equal(all_of(on_device, paths[:3]), expected[:3])
    assert on_device.count.on_device > PLAIN  # it goes on counting
    assert on_device.finished([]) == []


def test_files_that_the_device_refuses_are_decoded_on_the_cpu(
    paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, on_device = all_of(cpu(), paths), device()
    decode, calls = torchvision.io.decode_jpeg, []

    def choosy(files: list[Tensor], **options: object) -> list[Tensor]:
        calls.append(len(files))
        if any(len(file) % 2 for file in files):
            raise RuntimeError("not supported")
        return decode(files, **options)

    monkeypatch.setattr(torchvision.io, "decode_jpeg", choosy)
    check_equal(all_of(on_device, paths), expected)
    assert calls == [PLAIN, *[1] * PLAIN]
    assert 0 < on_device.count.on_device < PLAIN
    assert on_device.count.on_device + on_device.count.on_cpu == len(paths) - 4
