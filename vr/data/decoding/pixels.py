"""Bytes of an image file → 8-bit RGB, upright. All decisions about colour and depth are here and beside."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from attrgen.schema.image_names import DICOM_HEAD, is_dicom
from vr.data.decoding import dicom
from vr.data.decoding.intensity import Limits, ValueRange, to_eight_bits, value_range

if TYPE_CHECKING:
    from PIL import Image

DECODING = 2  # raised whenever files are decoded to other pixels than before; caches depend on it
MAX_PIXELS = 100_000_000  # 300 MB as RGB; larger files are whole slides or bombs
DEEP_HEAD = DICOM_HEAD  # bytes of a file that show whether its image may have more than 8 bits
MAX_ASPECT = 100  # a row of pixels, its short side scaled up, would fill the memory
# All that Pillow may try: other formats are not images, or start other programs (EPS).
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF")
_PHOTOMETRIC_INTERPRETATION = 262  # a TIFF tag
_WHITE_IS_ZERO = 0
# What Pillow's readers raise for damaged files of one kind or another.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
    MemoryError,
)


def decode(
    content: bytes,
    file: str,
    *,
    window: tuple[float, float] | None = None,
    intensity: Limits | None = None,
) -> Image.Image:
    """Decode an image file, DICOM files too.

    Grey is repeated on three channels; a palette is looked up; CMYK is converted; transparent pixels are laid
    on black, the background of medical images; grey values of more than 8 bits are scaled; EXIF rotation is
    applied; of several frames the first counts.

    Args:
        content: the file's bytes.
        file: its path, for messages.
        window: centre and width for DICOM files; by default the file's own.
        intensity: values to show black and white in other images of more than 8 bits; by default they are
            taken from the image itself (`vr.data.decoding.intensity.ValueRange.limits`).

    Raises:
        UserError: empty, not an image, cut short, more than `MAX_PIXELS` pixels, or a strip.
    """
    if not content:
        raise UserError("the file is empty", code="image-empty", file=file, remedy="Restore it or remove it.")
    if is_dicom(content):
        return dicom.decode(content, file, window=window, max_pixels=MAX_PIXELS)
    with _opened(content, file) as image:
        return to_rgb(image, intensity)


def deep_range(content: bytes, file: str) -> ValueRange | None:
    """The range of values of a grey image of more than 8 bits; None for other images and DICOM files.

    Raises:
        UserError: as for `decode`.
    """
    import numpy as np

    if not may_be_deep(content):
        return None
    with _opened(content, file) as image:
        return value_range(np.asarray(image)) if _is_deep(image) else None


def to_rgb(image: Image.Image, intensity: Limits | None = None) -> Image.Image:
    """A loaded image as 8-bit RGB, upright; see `decode` for the other modes."""
    import numpy as np
    from PIL import Image, ImageOps

    is_white_zero = _is_white_zero(image)  # the tag is lost when the image is turned
    image = ImageOps.exif_transpose(image)
    if image.mode == "RGB":
        return image
    if _is_deep(image):
        grey = to_eight_bits(np.asarray(image), intensity)
        return Image.fromarray(255 - grey if is_white_zero else grey).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        front = image.convert("RGBA")
        black = Image.new("RGBA", front.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, front).convert("RGB")
    return image.convert("RGB")


@contextmanager
def _opened(content: bytes, file: str) -> Iterator[Image.Image]:
    """The loaded image; whatever is wrong with the file is a user's error."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's bomb warning: the limit is checked here
            image = Image.open(io.BytesIO(content), formats=_known_formats())
            _check_size(*image.size, file)
            image.load()
            yield image
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
    except _DAMAGE as error:
        raise UserError(
            f"the image is cut short or damaged ({error})",
            code="image-damaged",
            file=file,
            remedy="Restore it or remove it.",
        ) from error


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
    return not content.startswith((b"\xff\xd8", b"GIF8", b"BM", b"RIFF")) and not is_dicom(content)


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith(("I", "F"))


def _is_white_zero(image: Image.Image) -> bool:
    """Whether a TIFF file stores white as zero; Pillow inverts such files of up to 8 bits only."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(_PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO


def _check_size(width: int, height: int, file: str) -> None:
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
