"""Values of more than 8 bits in files that Pillow reads, colour too.

Pillow has no colour images of 16 bits: it drops the low byte of every channel. Here such a file is read
twice, the second time for the low bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image, ImageFile

    Tile = Any  # codec, extents, offset, arguments: a tuple, in newer Pillow a named one

_BITS_PER_SAMPLE, _PLANAR_CONFIGURATION, _SAMPLE_FORMAT = 258, 284, 339  # TIFF tags
_SEPARATE, _SIGNED = 2, 2
_NATIVE = "L" if sys.byteorder == "little" else "B"


class Loaded(NamedTuple):
    """A loaded image, and its values where they have more than 8 bits or a sign.

    Args:
        deep: (H, W), (H, W, 3), or (H, W, 4) with alpha from 0 to 65535; None where `image` has all bits.
        is_reduced: whether `image` has 8 of the file's 16 bits per channel.
    """

    image: Image.Image
    deep: np.ndarray | None
    is_reduced: bool


def load(open_image: Callable[[], ImageFile.ImageFile]) -> Loaded:
    """Load an image with all of its bits; `open_image` opens the file, and may be called twice."""
    import numpy as np

    image = open_image()
    image.tile = [_of_sixteen_bits(image, tile) for tile in image.tile]
    tiles = list(image.tile)
    image.load()
    if image.mode.startswith(("I", "F")):
        return Loaded(image, np.asarray(image), False)
    if image.mode == "L" and _SIGNED in _tag(image, _SAMPLE_FORMAT):
        return Loaded(image, np.asarray(image).view(np.int8), False)
    if not any(";16" in _raw_mode(tile) for tile in tiles):
        return Loaded(image, None, False)
    if not all(_has_low_bytes(image, tile) for tile in tiles):
        return Loaded(image, None, True)
    low = open_image()
    low.tile = [_of_low_bytes(tile) for tile in tiles]
    low.load()
    return Loaded(image, np.asarray(image).astype(np.uint16) * 256 + np.asarray(low), False)


def _raw_mode(tile: Tile) -> str:
    """How a tile's bytes are arranged: "RGB;16L" is 16 bits with the low byte first."""
    arguments = tile[3]
    return arguments if isinstance(arguments, str) else str(arguments[0])


def _with_raw_mode(tile: Tile, raw_mode: str) -> Tile:
    arguments = tile[3]
    changed = raw_mode if isinstance(arguments, str) else (raw_mode, *arguments[1:])
    return tile._replace(args=changed) if hasattr(tile, "_replace") else (*tile[:3], changed)


def _has_low_bytes(image: Image.Image, tile: Tile) -> bool:
    """Whether Pillow can be made to read the low bytes; not so for grey with alpha and compressed planes."""
    if image.mode not in ("RGB", "RGBA") or not _raw_mode(tile).startswith(("R", "G", "B", "A")):
        return False
    return tile[0] != "libtiff" or _SEPARATE not in _tag(image, _PLANAR_CONFIGURATION)


def _of_low_bytes(tile: Tile) -> Tile:
    """The same tile with the other byte order: its low bytes are taken for its high ones."""
    channels, _, depth = _raw_mode(tile).partition(";")
    order = depth.removeprefix("16").replace("N", _NATIVE)
    return _with_raw_mode(tile, f"{channels};16{'B' if order == 'L' else 'L'}")


def _of_sixteen_bits(image: Image.Image, tile: Tile) -> Tile:
    """The same tile; Pillow takes the planes of 16 bits of an uncompressed TIFF file for planes of 8 bits."""
    raw_mode = _raw_mode(tile)
    if len(raw_mode) > 1 or image.mode not in ("RGB", "RGBA") or tile[0] != "raw":
        return tile
    if set(_tag(image, _BITS_PER_SAMPLE)) != {16} or _SEPARATE not in _tag(image, _PLANAR_CONFIGURATION):
        return tile
    is_little = getattr(image, "tag_v2").prefix == b"II"  # noqa: B009 - only TIFF images have it
    return _with_raw_mode(tile, f"{raw_mode};16{'L' if is_little else 'B'}")


def _tag(image: Image.Image, number: int) -> tuple[Any, ...]:
    """The values of a TIFF tag; none in other files."""
    value = getattr(image, "tag_v2", {}).get(number, ())
    return value if isinstance(value, tuple) else (value,)
