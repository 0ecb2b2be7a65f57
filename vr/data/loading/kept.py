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
    """Images by collection, the one that is in use last: where there is no room, others make it."""

    limit: int = 0
    used: int = 0
    collections: dict[str, dict[Hashable, Tensor]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def images_of(self, root: str) -> dict[Hashable, Tensor]:
        """The images of a collection, which is in use from now on."""
        with self.lock:
            images = self.collections.pop(root, {})
            self.collections[root] = images
            return images

    def add(self, root: str, key: Hashable, image: Tensor) -> None:
        """Keep an image, if its collection leaves room for it."""
        with self.lock:
            while self.used + image.nbytes > self.limit and next(iter(self.collections), root) != root:
                oldest = self.collections.pop(next(iter(self.collections)))
                self.used -= sum(image.nbytes for image in oldest.values())
            images = self.collections.setdefault(root, {})  # it may have made room for another
            if key not in images and self.used + image.nbytes <= self.limit:
                images[key] = image
                self.used += image.nbytes


_kept = _Kept()


def keep(limit: int = MOST) -> None:
    """Keep images from now on, up to that many bytes; 0 forgets all."""
    with _kept.lock:
        _kept.limit = limit
        if not limit:
            _kept.collections.clear()
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
    root = str(source.root)
    settings = tuple(getattr(source, name, None) for name in ("window", "intensity"))
    key = (settings, item.path, source.stamp(item.path), how)
    image = _kept.images_of(root).get(key)
    if image is None:
        image = read()
        _kept.add(root, key, image)
    return image
