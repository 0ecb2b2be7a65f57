"""Which files are plain JPEG files, and which the CPU must decode."""

from __future__ import annotations

import io
from itertools import product
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vr.data.decoding.pixels import decode
from vr.data.decoding.plain_jpeg import plain_size

SIZE = (50, 33)
_ORIENTATION = 274
_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'


def encoded(mode: str = "RGB", form: str = "JPEG", **options: Any) -> bytes:
    values = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).convert(mode).save(stream, form, **options)
    return stream.getvalue()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[_ORIENTATION] = orientation
    return tags


def with_segment(content: bytes, marker: int, payload: bytes) -> bytes:
    """A file with another segment at its beginning."""
    return content[:2] + bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2) + payload + content[2:]


def changed(content: bytes, before: bytes, after: bytes) -> bytes:
    assert content.count(before) == 1
    return content.replace(before, after)


PLAIN = {
    "colours": encoded(),
    "grey": encoded("L"),
    "progressive": encoded(progressive=True),
    "progressive grey": encoded("L", progressive=True),
    "no subsampling": encoded(subsampling=0),
    "subsampled columns": encoded(subsampling=1),
    "subsampled": encoded(subsampling=2),
    "restart markers": encoded(restart_marker_rows=1),
    "upright": encoded(exif=exif(1)),
    "a colour profile, which is ignored": encoded(icc_profile=b"x" * 100_000),
    "a comment": encoded(comment=b"\xff\xd9 is no end here"),
    "another application": with_segment(encoded(), 0xED, b"Photoshop 3.0\0" + b"\xff" * 9),
    "an orientation that there is not": encoded(exif=exif(9)),
}
_WHOLE, _PROGRESSIVE = encoded(), encoded(progressive=True)
_FRAME = _WHOLE.index(b"\xff\xc0")
OTHERS = {
    "nothing": b"",
    "PNG": encoded(form="PNG"),
    "CMYK": encoded("CMYK"),
    "grey with the factors of colours": encoded("L", subsampling=2),
    "stored as RGB": encoded(keep_rgb=True),
    "turned": encoded(exif=exif(6)),
    "turned by XMP": encoded(xmp=_XMP),
    "several images": encoded(form="MPO", save_all=True, append_images=[Image.new("RGB", SIZE)]),
    "cut short": _WHOLE[: len(_WHOLE) // 2],
    "without its last byte": _WHOLE[:-1],
    "cut short at the end of a thumbnail": with_segment(_WHOLE, 0xE1, b"Exif\0\0" + _WHOLE)[
        : len(_WHOLE) + 12
    ],
    "progressive, cut short": _PROGRESSIVE[: len(_PROGRESSIVE) // 2],
    "bytes behind its end": _WHOLE + b"more",
    "an image behind its end": _WHOLE + b"more" + _WHOLE,
    "bytes between segments": _WHOLE[:_FRAME] + b"abc" + _WHOLE[_FRAME:],
    "two frames": _WHOLE[:_FRAME] + _WHOLE[_FRAME : _FRAME + 19] + _WHOLE[_FRAME:],
    "arithmetic coding": changed(_WHOLE, b"\xff\xc0\0\x11", b"\xff\xc9\0\x11"),
    "12 bits": changed(_WHOLE, b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
    "a strip": changed(_WHOLE, bytes((0, SIZE[1], 0, SIZE[0])), bytes((0, 1, 0, 200))),
    "more pixels than are allowed": changed(_WHOLE, bytes((0, SIZE[1], 0, SIZE[0])), b"\xff\xff" * 2),
    "a damaged table": changed(_WHOLE, b"\xff\xdb\0\x43\0", b"\xff\xdb\0\x43\x70"),
    "a DICOM preamble": with_segment(_WHOLE, 0xE5, b"\0" * 122 + b"DICM"),
    "endless segments": b"\xff\xd8" + b"\xff\xe0\0\2" * 1_000_000 + _WHOLE[2:],
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_files(name: str) -> None:
    assert plain_size(PLAIN[name]) == SIZE
    image = decode(PLAIN[name], "x.jpg")
    with Image.open(io.BytesIO(PLAIN[name])) as stored:
        assert np.array_equal(np.asarray(image), np.asarray(stored.convert("RGB")))


@pytest.mark.parametrize("name", OTHERS)
def test_others(name: str) -> None:
    assert plain_size(OTHERS[name]) is None


def test_every_cut_of_a_file_is_no_plain_file() -> None:
    assert not any(plain_size(_PROGRESSIVE[:length]) for length in range(len(_PROGRESSIVE)))


FACTORS = list(product(range(1, 5), repeat=2))
COLOURS = {((2, 2), (1, 1), (1, 1)), ((2, 1), (1, 1), (1, 1)), ((1, 1), (1, 1), (1, 1))}


def with_factors(content: bytes, *factors: tuple[int, int]) -> bytes:
    """A file whose frame names these sampling factors, horizontal and vertical, of its components."""
    result = bytearray(content)
    start = content.index(b"\xff\xc2" if b"\xff\xc2" in content else b"\xff\xc0")
    assert content[start + 9] == len(factors)
    for number, (horizontal, vertical) in enumerate(factors):
        result[start + 11 + 3 * number] = 16 * horizontal + vertical
    return bytes(result)


@pytest.mark.parametrize("progressive", [False, True])
def test_only_samplings_that_gpus_decode_right_are_plain(progressive: bool) -> None:
    grey, colours = (encoded(mode, progressive=progressive) for mode in ("L", "RGB"))
    assert [pair for pair in FACTORS if plain_size(with_factors(grey, pair))] == [(1, 1)]
    plain = {factors for factors in product(FACTORS, repeat=3) if plain_size(with_factors(colours, *factors))}
    assert plain == COLOURS


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("subsampling", [-1, 0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_samplings_that_pillow_writes(mode: str, subsampling: int, progressive: bool) -> None:
    content = encoded(mode, subsampling=subsampling, progressive=progressive)
    with Image.open(io.BytesIO(content)) as image:
        factors = tuple(layer[1:3] for layer in getattr(image, "layer"))  # noqa: B009
    assert (plain_size(content) == SIZE) == (factors in {*COLOURS, ((1, 1),)})
