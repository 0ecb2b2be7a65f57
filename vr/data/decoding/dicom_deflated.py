"""DICOM files of the deflated transfer syntax: how large they are when they are unpacked."""

from __future__ import annotations

import struct
import zlib

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_PREAMBLE = 132  # bytes, the four of "DICM" included
_LONG = (b"OB", b"OW", b"UN", b"SQ", b"UT", b"OF", b"OD", b"OL", b"UC", b"UR")  # their lengths have 4 bytes
_META_GROUP = 2


def unpacks_to_more(content: bytes, largest: int) -> bool:
    """Whether a file is deflated and its data set has more than `largest` bytes; nothing larger is made."""
    if _DEFLATED not in content[:4096]:
        return False
    packed = content[_end_of_meta(content) :]
    try:
        return len(zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, largest + 1)) > largest
    except zlib.error:  # whoever decodes it reports the damage
        return False


def _end_of_meta(content: bytes) -> int:
    """Where the data set begins: after the last element of group 2, which is never deflated."""
    position = _PREAMBLE if content[128:_PREAMBLE] == b"DICM" else 0
    while len(content) - position >= 12:
        group, _, vr = struct.unpack_from("<HH2s", content, position)
        if group != _META_GROUP:
            break
        if vr in _LONG:
            position += 12 + struct.unpack_from("<I", content, position + 8)[0]
        else:
            position += 8 + struct.unpack_from("<H", content, position + 6)[0]
    return position
