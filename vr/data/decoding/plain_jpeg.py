"""Which JPEG files every decoder shows as `vr.data.decoding.pixels` does; told by the markers of a file."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator

from attrgen.schema.image_names import is_dicom
from vr.data.decoding.pixels import check_size, orientation_of

_BASELINE, _PROGRESSIVE = 0xC0, 0xC2
_START, _SCAN, _END = 0xD8, 0xDA, 0xD9
_OTHERS = {0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)}  # tables, restart interval, comment, applications
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # in compressed data, 0xff is followed by 0 or a restart
_MOST_SEGMENTS = 1000
_RGB_IDS = [ord(letter) for letter in "RGB"]  # components that are stored as RGB, by convention
_ADOBE_RGB = 0


def plain_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a plain JPEG file; None for all other bytes.

    Plain is 8-bit grey or YCbCr, baseline or progressive, upright, a single image, of a size that is allowed,
    and complete: nothing between its segments or behind its end. The compressed data are not decoded, so that
    wrong values in them are not noticed; nor are they by `pixels.decode`.
    """
    if is_dicom(content) or not content.startswith(bytes((0xFF, _START))):
        return None
    segments = list(_segments(content))
    frames = [start for marker, start in segments if marker in (_BASELINE, _PROGRESSIVE)]
    known = {_BASELINE, _PROGRESSIVE, _SCAN, _END, *_OTHERS}
    if len(frames) != 1 or any(marker not in known for marker, _ in segments):
        return None
    if segments[-1] != (_END, len(content)):
        return None
    header = content[frames[0] + 2 : frames[0] + 7]  # after the length: bits, height, width
    size = int.from_bytes(header[3:5]), int.from_bytes(header[1:3])
    return size if _is_shown_as_stored(content, size) else None


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


def _is_shown_as_stored(content: bytes, size: tuple[int, int]) -> bool:
    """Whether Pillow reads the header so that nothing is turned, dropped or converted but YCbCr to RGB."""
    from PIL import Image

    try:
        check_size(*size, "")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as `pixels.decode` does
            image = Image.open(io.BytesIO(content), formats=("JPEG",))
            is_upright = orientation_of(image) is None
    except Exception:  # Pillow raises many types; `pixels.decode` says what is wrong
        return False
    is_rgb = [component[0] for component in getattr(image, "layer")] == _RGB_IDS  # noqa: B009
    return (
        is_upright
        and image.format == "JPEG"  # MPO has several images
        and image.size == size
        and image.mode in ("L", "RGB")
        and not is_rgb
        and image.info.get("adobe_transform") != _ADOBE_RGB
    )
