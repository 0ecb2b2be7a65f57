"""Which JPEG files every decoder shows as `vr.data.decoding.pixels` does; told by the markers of a file."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator

from attrgen.schema.image_names import is_dicom
from vr.data.decoding.pixels import check_size, orientation_of

_FRAMES = {0xC0, 0xC2}  # baseline and progressive
_START, _SCAN, _END = 0xD8, 0xDA, 0xD9
_OTHERS = {0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)}  # tables, restart interval, comment, applications
_KNOWN = {*_FRAMES, *_OTHERS, _SCAN, _END}
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # in compressed data, 0xff is followed by 0 or a restart
_MOST_SEGMENTS = 1000
_RGB_IDS = [ord(letter) for letter in "RGB"]  # components that are stored as RGB, by convention
_ADOBE_RGB = 0
# Horizontal and vertical sampling factors, by component, that nvJPEG is known to decode right. Of others,
# such as grey of 2x2, it gives wrong pixels without an error.
_SAMPLINGS = {((1, 1),), *((luma, (1, 1), (1, 1)) for luma in ((1, 1), (2, 1), (2, 2)))}


def plain_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a plain JPEG file; None for all other bytes.

    Plain is 8-bit grey or YCbCr (4:4:4, 4:2:2 or 4:2:0), baseline or progressive, upright, a single image, of
    a size that is allowed, and complete: nothing between its segments or behind its end. The compressed data
    are not decoded: damage in them is left to the decoder.
    """
    if is_dicom(content) or not content.startswith(bytes((0xFF, _START))):
        return None
    segments = list(_segments(content))
    markers = [marker for marker, _ in segments]
    if not set(markers) <= _KNOWN or sum(marker in _FRAMES for marker in markers) != 1:
        return None
    return _size_if_shown_as_stored(content) if segments[-1] == (_END, len(content)) else None


def _segments(content: bytes) -> Iterator[tuple[int, int]]:
    """The markers of a file and where their segments start, as far as one follows the other."""
    position, is_scan = 2, False
    for _ in range(_MOST_SEGMENTS):
        match = _MARKER.search(content, position)
        if match is None or not (is_scan or match.start() == position):
            return
        marker, start = match.group()[1], match.end()
        yield marker, start
        if marker == _END:
            return
        position, is_scan = start + int.from_bytes(content[start : start + 2]), marker == _SCAN


def _size_if_shown_as_stored(content: bytes) -> tuple[int, int] | None:
    """The size that Pillow reads, if it turns, drops and converts nothing but YCbCr to RGB; else None."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as `pixels.decode` does
            image = Image.open(io.BytesIO(content), formats=("JPEG",))
            check_size(*image.size, "")
            is_upright = orientation_of(image) is None
    except Exception:  # Pillow raises many types; `pixels.decode` says what is wrong
        return None
    layers = getattr(image, "layer")  # noqa: B009 - of each component id, sampling factors, table
    is_rgb = [layer[0] for layer in layers] == _RGB_IDS or image.info.get("adobe_transform") == _ADOBE_RGB
    is_known = tuple(layer[1:3] for layer in layers) in _SAMPLINGS
    return image.size if is_upright and is_known and image.mode in ("L", "RGB") and not is_rgb else None
