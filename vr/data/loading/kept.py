"""Images that a process keeps, for a sweep: its cells read the same ones, and decoding takes time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from vr.data.formats.source import ImageSource, Item

if TYPE_CHECKING:
    from collections.abc import Hashable

    from torch import Tensor

MOST = 512_000_000  # bytes that a worker of a sweep keeps


@dataclass
class _Kept:
    limit: int = 0
    used: int = 0
    images: dict[Hashable, Tensor] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


_kept = _Kept()


def keep(limit: int = MOST) -> None:
    """Keep images from now on, up to that many bytes; 0 forgets all."""
    with _kept.lock:
        _kept.limit = limit
        if not limit:
            _kept.images.clear()
            _kept.used = 0


@contextmanager
def keeping(limit: int = MOST) -> Iterator[None]:
    """Keep images within the block, and forget them at its end."""
    keep(limit)
    try:
        yield
    finally:
        keep(0)


def kept(source: ImageSource, item: Item, how: Hashable, read: Callable[[], Tensor]) -> Tensor:
    """What `read` gives for an image, read once as long as the image is the same.

    Args:
        how: what `read` depends on besides the image.
    """
    if not _kept.limit:
        return read()
    settings = tuple(getattr(source, name, None) for name in ("window", "intensity"))
    key = (str(source.root), settings, item.path, source.stamp(item.path), how)
    image = _kept.images.get(key)
    if image is None:
        image = read()
        size = image.numel() * image.element_size()
        with _kept.lock:
            if key not in _kept.images and _kept.used + size <= _kept.limit:
                _kept.images[key] = image
                _kept.used += size
    return image
