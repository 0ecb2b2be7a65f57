"""Colour, depth and rotation of image files, each handled on purpose."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from attrgen.core.errors import UserError
from vr.data.decoding.intensity import ValueRange, to_eight_bits, union, value_range
from vr.data.decoding.pixels import decode, decode_with_rules, deep_range, may_be_deep

RAMP = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def through(image: Image.Image, form: str = "PNG", **options: Any) -> np.ndarray:
    stream = io.BytesIO()
    image.save(stream, format=form, **options)
    decoded = decode(stream.getvalue(), "x.png")
    assert decoded.mode == "RGB"
    return np.asarray(decoded)


def test_grey_is_repeated() -> None:
    values = through(Image.fromarray(RAMP))
    assert np.array_equal(values, np.repeat(RAMP[..., None], 3, axis=2))


def test_one_bit() -> None:
    assert set(np.unique(through(Image.fromarray(RAMP > 100)))) == {0, 255}


def test_palette() -> None:
    image = Image.fromarray(RAMP // 20).convert("P")
    image.putpalette([value for number in range(256) for value in (number, 255 - number, 7)])
    assert through(image)[0, 1].tolist() == [1, 254, 7]


def test_palette_with_transparency_lies_on_black() -> None:
    image = Image.fromarray(RAMP // 20).convert("P")
    image.putpalette([value for number in range(256) for value in (200, number, 7)])
    values = through(image, transparency=1)
    assert values[0, 1].tolist() == [0, 0, 0]
    assert values[0, 2].tolist() == [200, 2, 7]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_lies_on_black(mode: str) -> None:
    image = Image.new("RGBA", (2, 1), (200, 200, 200, 255))
    image.putpixel((1, 0), (200, 200, 200, 128))
    values = through(image.convert(mode))
    assert values[0, 0].tolist() == [200] * 3
    assert abs(int(values[0, 1, 0]) - 100) <= 1


def test_cmyk() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red = through(image, "JPEG", quality=95)[4, 4]
    assert red[0] > 230
    assert red[1] < 25


def test_sixteen_bits_of_twelve_used_keep_one_scale() -> None:
    dark = np.full((2, 2), 1000, dtype=np.uint16)
    bright = np.full((2, 2), 4095, dtype=np.uint16)
    assert through(Image.fromarray(bright)).max() == 255
    assert through(Image.fromarray(dark)).max() == round(1000 / 1023 * 255)
    assert through(Image.fromarray(np.array([[1000, 2000]], dtype=np.uint16)))[0, 0, 0] == round(
        1000 / 4095 * 255
    )


def test_sixteen_bits_that_hold_eight_stay() -> None:
    assert np.array_equal(through(Image.fromarray(RAMP.astype(np.uint16)))[..., 0], RAMP)


def test_floats_and_negatives_are_stretched() -> None:
    assert to_eight_bits(np.array([[-1000.0, 0.0, 1000.0]])).tolist() == [[0, 128, 255]]
    assert to_eight_bits(np.array([[0.0, 0.5, 1.0]])).tolist() == [[0, 128, 255]]
    assert to_eight_bits(np.array([[5.0, np.nan]])).tolist() == [[5, 0]]
    assert to_eight_bits(np.array([[-3.5, -3.5]])).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("orientation", "turned"), [(1, RAMP), (3, RAMP[::-1, ::-1]), (6, np.rot90(RAMP, -1))]
)
def test_exif_rotation(orientation: int, turned: np.ndarray) -> None:
    image = Image.fromarray(RAMP)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(through(image, exif=exif)[..., 0], turned)


def test_of_several_frames_the_first_counts() -> None:
    frames = [Image.fromarray(np.full((4, 4), value, dtype=np.uint8)) for value in (10, 200)]
    assert through(frames[0], "TIFF", save_all=True, append_images=frames[1:]).max() == 10


def encoded(values: np.ndarray, form: str = "TIFF", **options: Any) -> bytes:
    if (
        form == "PPM" and values.dtype == np.uint16
    ):  # older versions of Pillow read this form, but cannot write it
        height, width = values.shape
        return f"P5 {width} {height} 65535\n".encode() + values.astype(">u2").tobytes()
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, format=form, **options)
    return stream.getvalue()


DEEP = np.array([[0, 1000], [2500, 4095]], dtype=np.uint16)


@pytest.mark.parametrize("form", ["TIFF", "PNG", "JPEG2000", "PPM"])
def test_sixteen_bits_follow_the_scale_of_the_collection(form: str) -> None:
    content = encoded(DEEP, form)
    assert may_be_deep(content)
    assert deep_range(content, "x") == ValueRange(0, 4095, True)
    shown = np.asarray(decode(content, "x", intensity=(0, 16383)))[..., 1]
    assert np.array_equal(shown, np.rint(DEEP / 16383 * 255))
    assert np.array_equal(np.asarray(decode(content, "x"))[..., 1], np.rint(DEEP / 4095 * 255))


@pytest.mark.parametrize("form", ["TIFF", "PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM"])
def test_eight_bits_have_no_scale(form: str) -> None:
    content = encoded(RAMP, form)
    assert deep_range(content, "x") is None
    assert np.array_equal(
        np.asarray(decode(content, "x", intensity=(0, 9))), np.asarray(decode(content, "x"))
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_at_every_depth(dtype: Any) -> None:
    values = np.array([[0, 100], [200, 255]], dtype=dtype)
    content = bytearray(encoded(values))
    tag = content.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01\x00")  # 262, SHORT, one, black is zero
    content[tag + 8] = 0
    assert np.array_equal(np.asarray(decode(bytes(content), "x"))[..., 0], 255 - values)


def test_values_outside_of_the_scale_are_clipped() -> None:
    values = np.array([[-5.0, 0.0, 50.0, 100.0, np.inf, np.nan]])
    assert to_eight_bits(values, (0, 100)).tolist() == [[0, 0, 128, 255, 255, 0]]


def test_the_range_of_several_images() -> None:
    ranges = [value_range(np.array(values)) for values in ([250, 260], [4, 1100], [7])]
    whole = union(ranges)
    assert whole == ValueRange(4, 1100, True)
    assert whole.limits() == (0, 4095)
    assert union([]) is None
    assert value_range(np.array([np.nan, 2.5, np.inf])) == ValueRange(2.5, 2.5, False)


def postscript() -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n"


def test_formats_that_are_not_on_the_list_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    monkeypatch.setattr(subprocess, "check_call", lambda *arguments, **options: pytest.fail("ran a program"))
    for content in (postscript(), encoded(RAMP, "TGA"), encoded(RAMP, "PCX"), encoded(RAMP, "ICO")):
        with pytest.raises(UserError) as caught:
            decode(content, "scan.png")
        assert caught.value.code == "image-unknown-format"


CASES = Path(__file__).parents[4] / ".." / "shared" / "cases"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases (../shared/cases) are not here")
def test_the_cases_of_other_people() -> None:
    for name in ("ybr_full.dcm", "ybr_full_422_jpeg.dcm", "rgb12.dcm"):
        values = np.asarray(decode((CASES / name).read_bytes(), name)).astype(int)
        assert np.abs(values[0] - (200, 30, 40)).max() <= 2, name
        assert np.abs(values[-1] - (30, 180, 60)).max() <= 2, name
    content = (CASES / "white_is_zero_16bit.tif").read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        stored = np.asarray(image)
    assert (np.asarray(decode(content, "x"))[..., 0][stored == 0] == 255).all()


def test_real_images_decode_to_the_mode_of_the_network(shared: Path) -> None:
    path = next((shared / "images" / "BUSI").rglob("*.jpg"))
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(np.asarray(decode(path.read_bytes(), str(path))), expected)


def test_reduced_jpeg_keeps_enough_pixels_and_looks_alike() -> None:
    """Half, a quarter or an eighth of the size, never below the requested side; other formats are whole."""
    ramp = np.add.outer(np.arange(600), np.arange(800)) * 255 // 1400
    image = Image.fromarray(ramp.astype(np.uint8)).convert("RGB")
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95)
    for side, size in (
        (600, (800, 600)),
        (301, (800, 600)),
        (300, (400, 300)),
        (150, (200, 150)),
        (32, (100, 75)),
    ):
        reduced = decode_with_rules(stream.getvalue(), "x.jpg", reduced_to=side).image
        assert reduced.size == size and reduced.mode == "RGB"
    whole = np.asarray(
        decode(stream.getvalue(), "x.jpg").resize((100, 75), Image.Resampling.BOX), dtype=float
    )
    assert np.abs(whole - np.asarray(reduced)).max() <= 3
    png = io.BytesIO()
    image.save(png, "PNG")
    assert decode_with_rules(png.getvalue(), "x.png", reduced_to=32).image.size == (800, 600)
