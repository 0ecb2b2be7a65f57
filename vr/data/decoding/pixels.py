"""Bytes of an image file → 8-bit RGB, upright. Every decision about colour and depth stands here."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from attrgen.schema.image_names import is_dicom
from vr.data.decoding import dicom

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

MAX_PIXELS = 100_000_000  # 300 MB as RGB; larger files are whole slides or bombs
MAX_ASPECT = 100  # a row of pixels, its short side scaled up, would fill the memory
# What PIL's readers raise for damaged files of one kind or another.
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


def decode(content: bytes, place: str, *, window: tuple[float, float] | None = None) -> Image.Image:
    """Decode an image file, DICOM among them.

    Grey is repeated on three channels; a palette is looked up; CMYK is converted; what is transparent is laid
    on black, the background of medical images; more than 8 bits are scaled (`to_eight_bits`); EXIF rotation
    is applied; of several frames the first counts.

    Args:
        content: the file's bytes.
        place: the file as messages name it.
        window: centre and width for DICOM files.

    Raises:
        UserError: empty, not an image, cut short, more than `MAX_PIXELS` pixels, or a strip.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not content:
        raise UserError("the file is empty", file=place, remedy="Restore it or take it out.")
    if is_dicom(content):
        return dicom.decode(content, place, window=window, max_pixels=MAX_PIXELS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL's bomb warning: the limit is checked here
            image = Image.open(io.BytesIO(content))
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise _too_many_pixels(width, height, place)
            if max(width, height) > MAX_ASPECT * min(width, height):
                raise _too_narrow(width, height, place)
            image.load()
            return to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise UserError(
            "not an image that can be read", file=place, remedy="Restore it or take it out."
        ) from error
    except Image.DecompressionBombError as error:
        raise UserError(
            f"the image has too many pixels ({error})", file=place, remedy="Scale it down first."
        ) from error
    except _DAMAGE as error:
        raise UserError(
            f"the image is cut short or damaged ({error})", file=place, remedy="Restore it or take it out."
        ) from error


def to_eight_bits(values: np.ndarray) -> np.ndarray:
    """Map values of more than 8 bits (H, W) linearly onto 0 to 255, uint8.

    Integers that use at most 8 of their 16 bits stay as they are. Others are divided by the smallest full
    scale that holds their maximum (10, 12, 14 or 16 bits), so that one scanner's images keep one scale.
    Values outside
    (negative, floating-point) are stretched from their minimum to their maximum.
    """
    import numpy as np

    values = np.nan_to_num(values.astype(np.float64))
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high > 1 and bool(np.all(values == np.floor(values))):
        if high <= 255:
            return values.astype(np.uint8)
        full = next((2.0**bits - 1 for bits in (10, 12, 14, 16) if high < 2**bits), high)
        low, high = 0.0, full
    elif low >= 0 and high <= 1 and not bool(np.all(values == np.floor(values))):
        low, high = 0.0, 1.0
    scaled = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return np.rint(scaled * 255).astype(np.uint8)


def to_rgb(image: Image.Image) -> Image.Image:
    """A loaded image as 8-bit RGB; see `decode` for what becomes of other modes."""
    import numpy as np
    from PIL import Image

    if image.mode == "RGB":
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(to_eight_bits(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        front = image.convert("RGBA")
        black = Image.new("RGBA", front.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, front).convert("RGB")
    return image.convert("RGB")


def _too_many_pixels(width: int, height: int, place: str) -> UserError:
    return UserError(
        f"the image is {width} by {height} pixels, more than {MAX_PIXELS:,} in all",
        file=place,
        remedy="Scale it down or cut it into tiles first.",
    )


def _too_narrow(width: int, height: int, place: str) -> UserError:
    return UserError(
        f"the image is {width} by {height} pixels, a strip", file=place, remedy="Cut it into pieces first."
    )
