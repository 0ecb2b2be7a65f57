"""Damage to the bytes of a file, whatever its format."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Mutation = Callable[[Random, bytes], bytes]

_INTERESTING = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
)
_OTHER_FORMATS = (
    b"",
    b"\x00" * 64,
    b"\n",
    b"{}",
    b"[]",
    b"null",
    b"\xef\xbb\xbf",
    b"<html><body>404</body></html>",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    b"PK\x05\x06" + b"\x00" * 18,
    b"PK\x03\x04" + b"\x00" * 26,
    b"SQLite format 3\x00" + b"\x00" * 84,
    b"PAR1PAR1",
    b"\x93NUMPY\x01\x00\x02\x00{}",
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(canary) run\n",
    b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    b"\xff\xfe{\x00}\x00",
)


def flip_bits(rng: Random, content: bytes) -> bytes:
    """Flip some bits, half of the time in the first 512 bytes, where headers are."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64))):
        if changed:
            changed[_position(rng, len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwrite(rng: Random, content: bytes) -> bytes:
    """Replace a few bytes by extreme values."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        value = rng.choice(_INTERESTING)
        start = _position(rng, len(changed)) if changed else 0
        changed[start : start + len(value)] = value
    return bytes(changed)


def cut(rng: Random, content: bytes) -> bytes:
    """Cut the file off, or a piece out of it."""
    if not content:
        return content
    start = _position(rng, len(content))
    return (
        content[:start] if rng.random() < 0.6 else content[:start] + content[start + rng.randrange(1, 64) :]
    )


def insert(rng: Random, content: bytes) -> bytes:
    """Insert random or repeated bytes."""
    start = _position(rng, len(content)) if content else 0
    extra = rng.randbytes(rng.choice((1, 4, 64))) if rng.random() < 0.5 else content[start : start + 64] * 3
    return content[:start] + extra + content[start:]


def swap_format(rng: Random, content: bytes) -> bytes:
    """Another kind of file under this name."""
    return rng.choice(_OTHER_FORMATS)


def append(rng: Random, content: bytes) -> bytes:
    """Another file behind the end, or the file twice."""
    return content + rng.choice((content, b"\x00" * 4096, rng.randbytes(100), b"\n}\n", *_OTHER_FORMATS))


BYTES: tuple[Mutation, ...] = (flip_bits, flip_bits, overwrite, overwrite, cut, insert, append, swap_format)


def _position(rng: Random, size: int) -> int:
    region = rng.random()
    if region < 0.5:
        return rng.randrange(min(size, 512))
    if region < 0.75:
        return rng.randrange(max(0, size - 512), size)
    return rng.randrange(size)
