"""Further inputs as people have them, each compared with what another program makes of the same bytes.

The reference is pydicom, tifffile, Pillow or numpy used directly; `INPUTS` says for each what is right.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image

from attrgen.core.errors import UserError
from vr.data.decoding.pixels import decode_with_rules

pydicom = pytest.importorskip("pydicom")
tifffile = pytest.importorskip("tifffile")

HEIGHT, WIDTH = 17, 23
RANDOM = np.random.default_rng(7)
GREY = RANDOM.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
DEEP = RANDOM.integers(0, 4096, (HEIGHT, WIDTH), dtype=np.uint16)
DEEP_COLOUR = RANDOM.integers(0, 4096, (HEIGHT, WIDTH, 3), dtype=np.uint16)
SMOOTH = np.add.outer(np.arange(32), np.arange(48))[..., None].repeat(3, 2).astype(np.uint8) * 3
SCALE, WINDOWED = ("intensity scale",), ("rescale", "window")
UNPACKED_COLOUR = ("decompressed", "colour space")
SIGNED = RANDOM.integers(-1024, 3000, (HEIGHT, WIDTH), dtype=np.int16)


@dataclass(frozen=True)
class Input:
    """A file, what is right for it, and the names of the rules that must be reported.

    Attributes:
        right: (H, W) or (H, W, 3), 0 to 255, or the code of the error.
        tolerance: the largest difference in grey values.
        intensity: the scale of its collection.
    """

    name: str
    content: Callable[[], bytes]
    right: Callable[[bytes], np.ndarray] | str
    rules: tuple[str, ...] = ()
    tolerance: int = 0
    intensity: tuple[float, float] | None = None


def scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.rint(np.clip((values.astype(float) - low) / (high - low), 0, 1) * 255)


def constant(values: np.ndarray) -> Callable[[bytes], np.ndarray]:
    return lambda content: values


# Files that Pillow reads


def pil(image: Image.Image | np.ndarray, form: str, **options: Any) -> Callable[[], bytes]:
    def content() -> bytes:
        stream = io.BytesIO()
        (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(stream, form, **options)
        return stream.getvalue()

    return content


def by_pillow(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def png(values: np.ndarray, colour_type: int, depth: int, *more: tuple[bytes, bytes]) -> Callable[[], bytes]:
    """A PNG file written by hand; `values` are the packed bytes of each row."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def content() -> bytes:
        rows = b"".join(b"\0" + row.tobytes() for row in values)
        width = values.shape[1] * 8 // depth if values.ndim == 2 and depth < 8 else values.shape[1]
        header = struct.pack(">IIBBBBB", width, len(values), depth, colour_type, 0, 0, 0)
        chunks = [(b"IHDR", header), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)

    return content


def tiff(values: np.ndarray, **options: Any) -> Callable[[], bytes]:
    def content() -> bytes:
        stream = io.BytesIO()
        tifffile.imwrite(stream, values, **options)
        return stream.getvalue()

    return content


def by_tifffile(low: float, high: float, *, planar: bool = False) -> Callable[[bytes], np.ndarray]:
    def right(content: bytes) -> np.ndarray:
        values = tifffile.imread(io.BytesIO(content))
        return scaled(np.moveaxis(values, 0, -1) if planar else values, low, high)

    return right


def turned(orientation: int) -> Callable[[], bytes]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return pil(COLOUR, "PNG", exif=exif)


def palette_image() -> Image.Image:
    image = Image.fromarray(GREY % 16)
    image.putpalette([value for number in range(16) for value in (number * 16, 255 - number, 7)])
    return image


def adam7(values: np.ndarray) -> Callable[[], bytes]:
    """An interlaced grey PNG of 8 bits: seven smaller images one after the other."""

    def content() -> bytes:
        passes = (
            (0, 8, 0, 8),
            (0, 8, 4, 8),
            (4, 8, 0, 4),
            (0, 4, 2, 4),
            (2, 4, 0, 2),
            (0, 2, 1, 2),
            (1, 2, 0, 1),
        )
        data = b"".join(
            b"\0" + row.tobytes()
            for top, down, left, right in passes
            for row in values[top::down, left::right]
        )
        plain = png(values, 0, 8)()
        start = plain.index(b"IDAT") - 4
        header = bytearray(plain[:start])
        header[28] = 1  # the interlace method
        header[29:33] = struct.pack(">I", zlib.crc32(bytes(header[12:29])))
        body = zlib.compress(data)
        return (
            bytes(header)
            + struct.pack(">I", len(body)) + b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
            + plain[-12:]
        )  # fmt: skip

    return content


ALPHA = np.dstack([COLOUR, np.where(GREY > 127, 255, 0).astype(np.uint8)])
ON_BLACK = COLOUR * (ALPHA[..., 3:] > 0)
DEEP_ALPHA = np.dstack([DEEP_COLOUR, np.where(GREY > 127, 65535, 0).astype(np.uint16)])
CMYK = Image.fromarray(COLOUR).convert("CMYK")

PNG = [
    Input("PNG grey of 1 bit", png(np.packbits(GREY[:, :16] > 99, axis=1), 0, 1),
          constant((GREY[:, :16] > 99) * 255)),
    Input("PNG grey of 2 bits", png((GREY[:, :12]), 0, 2), by_pillow),
    Input("PNG grey of 4 bits", png(GREY[:, :12], 0, 4),
          constant(np.stack([GREY[:, :12] >> 4, GREY[:, :12] & 15], 2).reshape(HEIGHT, 24) * 17)),
    Input("PNG palette of 8 bits", pil(palette_image(), "PNG"), by_pillow, ("palette",)),
    Input("PNG grey with a transparent value", pil(GREY, "PNG", transparency=int(GREY[0, 0])),
          constant(np.where(GREY[0, 0] == GREY, 0, GREY)), ("alpha",)),
    Input("PNG colour with alpha", pil(ALPHA, "PNG"), constant(ON_BLACK), ("alpha",)),
    Input("PNG interlaced", adam7(GREY), constant(GREY)),
    Input("PNG colour of 16 bits, 12 used", png(DEEP_COLOUR.astype(">u2"), 2, 16),
          constant(scaled(DEEP_COLOUR, 0, 4095)), SCALE),
    Input("PNG colour of 16 bits, scale of the collection", png(DEEP_COLOUR.astype(">u2"), 2, 16),
          constant(scaled(DEEP_COLOUR, 0, 16383)), SCALE, intensity=(0, 16383)),
    Input("PNG colour and alpha of 16 bits", png(DEEP_ALPHA.astype(">u2"), 6, 16),
          constant(scaled(DEEP_COLOUR, 0, 4095) * (DEEP_ALPHA[..., 3:] > 0)), ("intensity scale", "alpha")),
    Input("PNG animated", pil(GREY, "PNG", save_all=True, append_images=[Image.fromarray(255 - GREY)]),
          constant(GREY), ("frames",)),
    *(
        Input(f"PNG with EXIF orientation {orientation}", turned(orientation), constant(right),
              ("EXIF rotation",))
        for orientation, right in (
            (2, COLOUR[:, ::-1]), (4, COLOUR[::-1]), (5, COLOUR.transpose(1, 0, 2)), (8, np.rot90(COLOUR)),
        )
    ),
    Input("PNG cut short", lambda: pil(COLOUR, "PNG")()[:300], "image-damaged"),
]  # fmt: skip

JPEG = [
    Input("JPEG progressive", pil(SMOOTH, "JPEG", progressive=True), by_pillow),
    Input("JPEG grey", pil(SMOOTH[..., 0], "JPEG"), by_pillow),
    Input("JPEG with halved colours", pil(COLOUR, "JPEG", subsampling=2), by_pillow),
    Input("JPEG CMYK", pil(CMYK, "JPEG", quality=95), by_pillow, ("colour space",)),
    Input("JPEG cut short", lambda: pil(COLOUR, "JPEG")()[:-200], "image-damaged"),
    Input("MPO, two images of a camera", pil(SMOOTH, "MPO", save_all=True,
          append_images=[Image.fromarray(255 - SMOOTH)]), by_pillow, ("frames",)),
    Input("JPEG 2000 lossless", pil(COLOUR, "JPEG2000", irreversible=False), constant(COLOUR)),
    Input("JPEG 2000 grey of 16 bits", pil(DEEP, "JPEG2000", irreversible=False),
          constant(scaled(DEEP, 0, 4095)), SCALE),
    Input("GIF animated", pil(GREY, "GIF", save_all=True, append_images=[Image.fromarray(255 - GREY)]),
          constant(GREY), ("frames",)),
    Input("WebP lossless", pil(COLOUR, "WEBP", lossless=True), constant(COLOUR)),
    Input("BMP palette", pil(palette_image(), "BMP"), by_pillow, ("palette",)),
    Input("PGM of 12 bits", lambda: b"P5 23 17 4095\n" + DEEP.astype(">u2").tobytes(),
          constant(scaled(DEEP, 0, 4095)), SCALE, tolerance=1),
]  # fmt: skip

TIFF = [
    Input("TIFF big-endian of 16 bits", tiff(DEEP, byteorder=">"), by_tifffile(0, 4095), SCALE),
    Input("TIFF compressed with a predictor", tiff(DEEP, compression="zlib", predictor=True),
          by_tifffile(0, 4095), SCALE),
    Input("TIFF signed of 16 bits", tiff(SIGNED), by_tifffile(-1024, 2999), SCALE,
          intensity=(-1024, 2999)),
    Input("TIFF signed of 8 bits", tiff(GREY.view(np.int8)), by_tifffile(-128, 127), SCALE,
          intensity=(-128, 127)),
    Input("TIFF unsigned of 32 bits", tiff(DEEP.astype(np.uint32)), by_tifffile(0, 4095), SCALE),
    Input("TIFF float from 0 to 1", tiff((GREY / 255).astype(np.float32)), by_tifffile(0, 1),
          SCALE),
    Input("TIFF float with NaN", tiff(np.where(GREY > 9, GREY / 255, np.nan).astype(np.float32)),
          constant(np.where(GREY > 9, GREY, 0)), SCALE),
    Input("TIFF colour of 16 bits", tiff(DEEP_COLOUR, photometric="rgb"), by_tifffile(0, 4095),
          SCALE),
    Input("TIFF colour of 16 bits, big-endian", tiff(DEEP_COLOUR, photometric="rgb", byteorder=">"),
          by_tifffile(0, 4095), SCALE),
    Input("TIFF colour of 16 bits, compressed", tiff(DEEP_COLOUR, photometric="rgb", compression="zlib"),
          by_tifffile(0, 4095), SCALE),
    Input("TIFF colour of 16 bits, tiled", tiff(DEEP_COLOUR, photometric="rgb", tile=(16, 16)),
          by_tifffile(0, 4095), SCALE),
    Input("TIFF colour of 16 bits in planes",
          tiff(DEEP_COLOUR.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
          by_tifffile(0, 4095, planar=True), SCALE),
    Input("TIFF colour of 16 bits in planes, big-endian",
          tiff(DEEP_COLOUR.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", byteorder=">"),
          by_tifffile(0, 4095, planar=True), SCALE),
    Input("TIFF colour of 16 bits in compressed planes",
          tiff(DEEP_COLOUR.transpose(2, 0, 1) * 16, photometric="rgb", planarconfig="separate",
               compression="zlib"),
          by_tifffile(0, 65535, planar=True), ("colour depth",), tolerance=1),
    Input("TIFF colour of 8 bits in planes",
          tiff(COLOUR.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
          by_tifffile(0, 255, planar=True)),
    Input("TIFF grey of 8 bits where white is zero", tiff(GREY, photometric="miniswhite"),
          constant(255 - GREY),
          ("inverted",)),
    Input("TIFF float where white is zero", tiff((GREY / 255).astype(np.float32), photometric="miniswhite"),
          constant(255 - GREY), ("intensity scale", "inverted")),
    Input("TIFF of 1 bit", tiff(GREY > 99, photometric="minisblack"), constant((GREY > 99) * 255)),
    Input("TIFF palette", tiff(GREY, photometric="palette",
          colormap=np.arange(768, dtype=np.uint16).reshape(3, 256) * 85), by_pillow, ("palette",)),
    Input("TIFF stack", tiff(np.stack([GREY, 255 - GREY, GREY]), photometric="minisblack"), constant(GREY),
          ("frames",)),
    Input("TIFF colour with two more channels", tiff(np.dstack([COLOUR, GREY, GREY]), photometric="rgb"),
          constant(COLOUR), ("channels",)),
    Input("BigTIFF", tiff(DEEP, bigtiff=True), by_tifffile(0, 4095), SCALE),
    Input("TIFF CMYK", pil(CMYK, "TIFF"), by_pillow, ("colour space",)),
    Input("TIFF float of 64 bits", tiff(GREY.astype(np.float64)), "image-unknown-format"),
    Input("TIFF of CIELAB colours", tiff(COLOUR, photometric="cielab"), by_pillow, ("colour space",)),
    Input("TIFF cut short", lambda: tiff(DEEP)()[:-300], "image-damaged"),
]  # fmt: skip


# DICOM files


def dicom(
    values: np.ndarray, *, syntax: str = "1.2.840.10008.1.2.1", frame: bytes | None = None, **more: Any
) -> Callable[[], bytes]:
    """A DICOM file of one frame; `frame` is its compressed pixel data."""

    def content() -> bytes:
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.encaps import encapsulate
        from pydicom.uid import UID

        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = UID(syntax)
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2.3.4"
        data.Rows, data.Columns = values.shape[:2]
        data.SamplesPerPixel = 1 if values.ndim == 2 else 3
        data.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
        if values.ndim == 3:
            data.PlanarConfiguration = 0
        data.BitsAllocated = data.BitsStored = 8 * values.dtype.itemsize
        data.HighBit = data.BitsStored - 1
        data.PixelRepresentation = int(values.dtype.kind == "i")
        order = ">" if syntax == "1.2.840.10008.1.2.2" else "<"
        raw = values.astype(values.dtype.newbyteorder(order)).tobytes()
        stored = raw + b"\0" * (len(raw) % 2) if frame is None else encapsulate([frame])
        data.add_new("PixelData", "OB" if frame is not None or values.dtype.itemsize == 1 else "OW", stored)
        for name, value in more.items():
            if value is None:
                delattr(data, name)
            else:
                setattr(data, name, value)
        stream = io.BytesIO()
        data.save_as(stream, enforce_file_format=True)
        return stream.getvalue()

    return content


def windowed(content: bytes) -> np.ndarray:
    """As pydicom windows it; the values that it gives for very low and very high ones are black and white."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    header = pydicom.dcmread(io.BytesIO(content))
    values = apply_voi_lut(apply_modality_lut(header.pixel_array, header), header)
    black, white = apply_voi_lut(np.array([-1e9, 1e9]), header)
    return scaled(values, black, white)


def by_pydicom(content: bytes) -> np.ndarray:
    return pydicom.dcmread(io.BytesIO(content)).pixel_array


def j2k(values: np.ndarray, *, lossless: bool) -> bytes:
    options: dict[str, Any] = {"no_jp2": True, "irreversible": not lossless, "mct": int(values.ndim == 3)}
    return pil(values, "JPEG2000", **options)()


def rle(values: np.ndarray) -> bytes:
    """Each plane of bytes in literal runs of at most 128 bytes (PS3.5 annex G)."""
    planes = [values] if values.ndim == 2 else list(np.moveaxis(values, -1, 0))
    segments = []
    for plane in planes:
        # The bytes of each sample, the highest first, are segments of their own.
        for byte in reversed(range(plane.dtype.itemsize)):
            rows = (plane >> (8 * byte) & 255).astype(np.uint8)
            runs = [row.tobytes()[at : at + 128] for row in rows for at in range(0, len(row), 128)]
            packed = b"".join(bytes([len(run) - 1]) + run for run in runs)
            segments.append(packed + b"\0" * (len(packed) % 2))
    starts = np.cumsum([64, *map(len, segments[:-1])]).tolist()
    head = struct.pack("<16I", len(segments), *starts, *[0] * (15 - len(segments)))
    return head + b"".join(segments)


JPEG_BASELINE, J2K_LOSSLESS, J2K = (
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
)
RLE, BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
JPEG_LS = "1.2.840.10008.1.2.4.80"
CT = {"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400}
HOUNSFIELD = DEEP.astype(np.int16)

DICOM = [
    Input("DICOM CT with rescale and window", dicom(HOUNSFIELD, **CT), windowed, WINDOWED),
    Input("DICOM signed with rescale and window", dicom(SIGNED, **{**CT, "RescaleSlope": 2}), windowed,
          WINDOWED),
    Input("DICOM window, exact linear", dicom(HOUNSFIELD, VOILUTFunction="LINEAR_EXACT", **CT), windowed,
          WINDOWED),
    Input("DICOM window, sigmoid", dicom(HOUNSFIELD, VOILUTFunction="SIGMOID", **CT), windowed,
          WINDOWED),
    Input("DICOM MONOCHROME1 with window", dicom(HOUNSFIELD, PhotometricInterpretation="MONOCHROME1", **CT),
          lambda content: 255 - windowed(content), ("rescale", "window", "inverted")),
    Input("DICOM big-endian", dicom(DEEP, syntax=BIG_ENDIAN), constant(scaled(DEEP, 0, 4095)),
          SCALE, intensity=(0, 4095)),
    Input("DICOM deflated", dicom(GREY, syntax=DEFLATED), by_pydicom),
    Input("DICOM 12 bits without a window, scale of the collection", dicom(DEEP, BitsStored=12, HighBit=11),
          constant(scaled(DEEP, 0, 16383)), SCALE, intensity=(0, 16383)),
    Input("DICOM rescaled without a window, scale of the collection",
          dicom(DEEP, RescaleSlope=1, RescaleIntercept=-1024),
          constant(scaled(DEEP.astype(int) - 1024, -1024, 3071)), ("rescale", "intensity scale"),
          intensity=(-1024, 3071)),
    Input("DICOM inverted without a window, scale of the collection",
          dicom(DEEP, PhotometricInterpretation="MONOCHROME1"), constant(255 - scaled(DEEP, 0, 4095)),
          ("intensity scale", "inverted"), tolerance=1, intensity=(0, 4095)),
    Input("DICOM of a window is not scaled", dicom(HOUNSFIELD, **CT), windowed, ("window",),
          intensity=(0, 4095)),
    Input("DICOM overlay in the unused bits", dicom(DEEP | 0x8000, BitsStored=12, HighBit=11),
          constant(scaled(DEEP, 0, 4095)), SCALE, intensity=(0, 4095)),
    Input("DICOM padding", dicom(np.where(GREY > 200, -2000, SIGNED).astype(np.int16),
          PixelPaddingValue=-2000),
          constant(np.where(GREY > 200, 0, scaled(SIGNED, -1024, 2999))), ("intensity scale", "padding"),
          intensity=(-1024, 2999)),
    Input("DICOM colour in planes", dicom(COLOUR, PlanarConfiguration=1,
          PixelData=COLOUR.transpose(2, 0, 1).tobytes() + b"\0"), by_pydicom),
    Input("DICOM YBR_FULL", dicom(COLOUR, PhotometricInterpretation="YBR_FULL"), by_pydicom,
          ("colour space",)),
    Input("DICOM colour of 12 bits", dicom(DEEP_COLOUR, BitsStored=12, HighBit=11),
          constant(scaled(DEEP_COLOUR, 0, 4095)), ("colour depth",)),
    Input("DICOM JPEG baseline, YBR_FULL_422", dicom(SMOOTH, syntax=JPEG_BASELINE, frame=pil(SMOOTH,
          "JPEG")(),
          PhotometricInterpretation="YBR_FULL_422"), by_pydicom, UNPACKED_COLOUR),
    Input("DICOM JPEG baseline, grey", dicom(GREY, syntax=JPEG_BASELINE, frame=pil(GREY, "JPEG")()),
          by_pydicom,
          ("decompressed",)),
    Input("DICOM JPEG 2000, YBR_RCT", dicom(COLOUR, syntax=J2K_LOSSLESS, frame=j2k(COLOUR, lossless=True),
          PhotometricInterpretation="YBR_RCT"), constant(COLOUR), ("decompressed",)),
    Input("DICOM JPEG 2000, YBR_ICT", dicom(SMOOTH, syntax=J2K, frame=j2k(SMOOTH, lossless=False),
          PhotometricInterpretation="YBR_ICT"), by_pydicom, ("decompressed",)),
    Input("DICOM JPEG 2000 of 16 bits", dicom(DEEP, syntax=J2K_LOSSLESS, frame=j2k(DEEP, lossless=True)),
          constant(scaled(DEEP, 0, 4095)), ("decompressed", "intensity scale"), intensity=(0, 4095)),
    Input("DICOM RLE", dicom(GREY, syntax=RLE, frame=rle(GREY)), constant(GREY), ("decompressed",)),
    Input("DICOM RLE of 16 bits", dicom(DEEP, syntax=RLE, frame=rle(DEEP)), constant(scaled(DEEP, 0, 4095)),
          ("decompressed", "intensity scale"), intensity=(0, 4095)),
    Input("DICOM RLE in colour", dicom(COLOUR, syntax=RLE, frame=rle(COLOUR), PlanarConfiguration=1),
          constant(COLOUR), ("decompressed",)),
    Input("DICOM float", dicom(GREY, BitsAllocated=32, PixelData=None,
          FloatPixelData=(GREY / 255).astype("<f4")
          .tobytes()), constant(GREY), SCALE, intensity=(0, 1)),
    Input("DICOM JPEG-LS without its decoder", dicom(GREY, syntax=JPEG_LS,
          frame=b"\xff\xd8\xff\xf7" + b"\0" * 40),
          "dicom-compressed"),
    Input("DICOM of several frames", dicom(GREY, NumberOfFrames=2), "dicom-several-frames"),
    Input("DICOM cut short", lambda: dicom(DEEP)()[:-40], "dicom-damaged"),
]  # fmt: skip

INPUTS = [*PNG, *JPEG, *TIFF, *DICOM]


@pytest.mark.parametrize("case", INPUTS, ids=lambda case: case.name)
def test_an_input(case: Input) -> None:
    content = case.content()
    if isinstance(case.right, str):
        with pytest.raises(UserError) as caught:
            decode_with_rules(content, "scans/x")
        assert (caught.value.code, caught.value.file) == (case.right, "scans/x")
        return
    image, rules = decode_with_rules(content, "scans/x", intensity=case.intensity)
    expected = case.right(content)
    if expected.ndim == 2:
        expected = np.repeat(expected[..., None], 3, axis=2)
    assert image.mode == "RGB"
    assert np.asarray(image).shape == expected.shape
    assert np.abs(np.asarray(image).astype(float) - expected).max() <= case.tolerance
    names = [rule.name for rule in rules]
    assert set(case.rules) <= set(names), names
    if not case.rules:
        assert names == []


def test_the_list_is_long_and_each_name_is_taken_once() -> None:
    names = [case.name for case in INPUTS]
    assert len(set(names)) == len(names) >= 40
