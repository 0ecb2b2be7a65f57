"""Bytes of an image file → 8-bit RGB, upright. All decisions about colour and depth are here and beside."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from attrgen.core.decoding import decoding
from attrgen.core.errors import UserError
from attrgen.schema.image_names import DICOM_HEAD, is_dicom
from vr.data.decoding import depth, dicom
from vr.data.decoding.decoded import Decoded, Rule, Rules
from vr.data.decoding.intensity import Limits, ValueRange, to_eight_bits, value_range

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image, ImageFile

DECODING = 3  # raised whenever files are decoded to other pixels than before; caches depend on it
MAX_PIXELS = 100_000_000  # 300 MB as RGB; larger files are whole slides or bombs
DEEP_HEAD = DICOM_HEAD  # bytes of a file that show whether its image may have more than 8 bits
MAX_ASPECT = 100  # a row of pixels, its short side scaled up, would fill the memory
# All that Pillow may try: other formats are not images, or start other programs (EPS).
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF")
_PHOTOMETRIC_INTERPRETATION, _ORIENTATION, _SAMPLES_PER_PIXEL = 262, 274, 277  # TIFF and EXIF tags
_WHITE_IS_ZERO = 0
_ALPHA = Rule("alpha", "transparent pixels are laid on black")


def decode(
    content: bytes,
    file: str,
    *,
    window: tuple[float, float] | None = None,
    intensity: Limits | None = None,
) -> Image.Image:
    """The image of `decode_with_rules`."""
    return decode_with_rules(content, file, window=window, intensity=intensity).image


def decode_with_rules(
    content: bytes,
    file: str,
    *,
    window: tuple[float, float] | None = None,
    intensity: Limits | None = None,
    reduced_to: int | None = None,
) -> Decoded:
    """Decode an image file, DICOM files too.

    Grey is repeated on three channels; a palette is looked up; CMYK is converted; transparent pixels are laid
    on black, the background of medical images; values of more than 8 bits are scaled; EXIF rotation is
    applied; of several frames the first counts.

    Args:
        content: the file's bytes.
        file: its path, for messages.
        window: centre and width for DICOM files; by default the file's own.
        intensity: values to show black and white in images of more than 8 bits, DICOM files with a window
            apart; by default they are taken from the image itself.
        reduced_to: a JPEG file may be decoded at 1/2, 1/4 or 1/8 of its size, as far as its short side keeps
            so many pixels. That is several times faster, and gives slightly other pixels after resizing.

    Raises:
        UserError: empty, not an image, cut short, more than `MAX_PIXELS` pixels, or a strip.
    """
    if not content:
        raise UserError("the file is empty", code="image-empty", file=file, remedy="Restore it or remove it.")
    if is_dicom(content):
        return dicom.decode(content, file, window=window, intensity=intensity, max_pixels=MAX_PIXELS)
    with _opened(content, file, reduced_to) as loaded:
        return _decoded(loaded, intensity)


def deep_range(content: bytes, file: str) -> ValueRange | None:
    """The range of values of an image that needs a scale: more than 8 bits, and no window.

    Returns:
        None for other images, and for DICOM files with a window or with colours.

    Raises:
        UserError: as for `decode`.
    """
    if is_dicom(content):
        return dicom.unwindowed_range(content, file, max_pixels=MAX_PIXELS)
    if not may_be_deep(content):
        return None
    with _opened(content, file) as loaded:
        return None if loaded.deep is None else value_range(loaded.deep[..., :3])


def in_memory(image: Image.Image) -> Decoded:
    """An image in memory as 8-bit RGB, upright, and the rules; see `decode_with_rules` for the modes."""
    import numpy as np

    image.load()
    is_deep = image.mode.startswith(("I", "F"))
    return _decoded(depth.Loaded(image, np.asarray(image) if is_deep else None, False), None)


def _decoded(loaded: depth.Loaded, intensity: Limits | None) -> Decoded:
    if loaded.deep is None:
        image, rules = _flat(loaded)
    else:
        image, rules = _scaled(loaded.image, loaded.deep, intensity)
    upright, turned = _upright(image, loaded.image)
    return Decoded(upright, (*_frames(loaded.image), *rules, *turned))


def _scaled(image: Image.Image, deep: np.ndarray, intensity: Limits | None) -> tuple[Image.Image, Rules]:
    """Values of more than 8 bits as RGB."""
    import numpy as np
    from PIL import Image

    colours = deep[..., :3] if deep.ndim == 3 else deep
    low, high = value_range(colours).limits() if intensity is None else intensity
    origin = "of this image alone" if intensity is None else "of the collection"
    rules = [Rule("intensity scale", f"{low:g} is black, {high:g} is white, {origin}")]
    values = to_eight_bits(colours, (low, high))
    if _is_white_zero(image):
        values = 255 - values
        rules.append(Rule("inverted", "white is zero"))
    rgb = Image.fromarray(values).convert("RGB")
    if deep.ndim == 3 and deep.shape[2] == 4:
        rgb.putalpha(Image.fromarray(np.rint(deep[..., 3] / 257).astype(np.uint8)))
        return _on_black(rgb), (*rules, _ALPHA)
    return rgb, tuple(rules)


def _flat(loaded: depth.Loaded) -> tuple[Image.Image, Rules]:
    """An image of 8 bits or less as RGB."""
    image = loaded.image
    rules = []
    if loaded.is_reduced:
        rules.append(Rule("colour depth", "16 bits per channel: the low 8 are dropped"))
    if (dropped := _dropped_channels(image)) > 0:
        rules.append(Rule("channels", f"{dropped} more are dropped"))
    if _is_white_zero(image):  # Pillow has inverted it
        rules.append(Rule("inverted", "white is zero"))
    if image.mode == "RGB":
        return image, tuple(rules)
    if image.mode in ("P", "PA"):
        rules.append(Rule("palette", "looked up"))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return _on_black(image.convert("RGBA")), (*rules, _ALPHA)
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        rules.append(Rule("colour space", f"{image.mode} to RGB"))
    return image.convert("RGB"), tuple(rules)


def _on_black(front: Image.Image) -> Image.Image:
    from PIL import Image

    return Image.alpha_composite(Image.new("RGBA", front.size, (0, 0, 0, 255)), front).convert("RGB")


def _upright(image: Image.Image, original: Image.Image) -> tuple[Image.Image, Rules]:
    """Turned as the EXIF orientation of the original says; a TIFF file is turned when it is loaded."""
    from PIL import ImageOps

    orientation = orientation_of(original)
    if orientation is None:
        return image, ()
    image.getexif()[_ORIENTATION] = orientation
    return ImageOps.exif_transpose(image), (Rule("EXIF rotation", f"orientation {orientation}"),)


def orientation_of(image: Image.Image) -> int | None:
    """The EXIF orientation, 2 to 8, of an image that must be turned; None for an upright one."""
    orientation = image.getexif().get(_ORIENTATION, 1)
    return int(orientation) if orientation in range(2, 9) else None


def _frames(image: Image.Image) -> Rules:
    count = int(getattr(image, "n_frames", 1))
    return (Rule("frames", f"the first of {count}"),) if count > 1 else ()


def _dropped_channels(image: Image.Image) -> int:
    """How many channels of a TIFF file are more than its colours and an alpha channel."""
    samples = getattr(image, "tag_v2", {}).get(_SAMPLES_PER_PIXEL, 1)
    return max(0, int(samples) - len(image.getbands())) if image.mode != "P" else 0


@contextmanager
def _opened(content: bytes, file: str, reduced_to: int | None = None) -> Iterator[depth.Loaded]:
    """The loaded image with all its bits; whatever is wrong with the file is a user's error."""
    from PIL import Image

    def open_image() -> ImageFile.ImageFile:
        image = Image.open(io.BytesIO(content), formats=_known_formats())
        check_size(*image.size, file)
        if reduced_to is not None and image.format == "JPEG":
            image.draft(image.mode, (reduced_to, reduced_to))
        return image

    with (
        decoding(
            file,
            what="the image is cut short or damaged",
            code="image-damaged",
            remedy="Restore it or remove it.",
        ),
        _reporting_kinds(file),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # Pillow's bomb warning: the limit is checked here
        yield depth.load(open_image)


@contextmanager
def _reporting_kinds(file: str) -> Iterator[None]:
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except UnidentifiedImageError as error:
        raise UserError(
            "not an image that can be read",
            code="image-unknown-format",
            file=file,
            remedy="Restore or remove it. PNG, JPEG, TIFF, BMP, WebP, GIF, PPM, JPEG 2000, AVIF and DICOM "
            "files can be read.",
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(str(error), file) from error


@cache
def _known_formats() -> tuple[str, ...]:
    """Those of `_FORMATS` that the installed Pillow has."""
    from PIL import Image

    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def may_be_deep(content: bytes) -> bool:
    """Whether an image may have more than 8 bits, by the first `DEEP_HEAD` bytes of its file."""
    if content.startswith(b"\x89PNG"):
        return content[24:25] == b"\x10"  # the bit depth
    return not content.startswith((b"\xff\xd8", b"GIF8", b"BM", b"RIFF"))


def _is_white_zero(image: Image.Image) -> bool:
    """Whether a TIFF file stores white as zero; Pillow inverts such files of up to 8 bits only."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(_PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO


def check_size(width: int, height: int, file: str) -> None:
    """Check the size of an image before it is decoded.

    Raises:
        UserError: more than `MAX_PIXELS` pixels, or a strip.
    """
    if width * height > MAX_PIXELS:
        raise _too_many_pixels(f"{width} by {height} pixels, more than {MAX_PIXELS:,} in all", file)
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise UserError(
            f"the image is {width} by {height} pixels, a strip",
            code="image-too-narrow",
            file=file,
            remedy="Cut it into pieces first.",
        )


def _too_many_pixels(size: str, file: str) -> UserError:
    return UserError(
        f"the image is too large: {size}",
        code="image-too-large",
        file=file,
        remedy="Scale it down or cut it into tiles first.",
    )
