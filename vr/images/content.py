"""Content ids: a hash of an image's decoded pixels, the same in a folder, a zip and an array file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vr.images.parallel import ordered_map
from vr.images.source import ImageSource, Item

if TYPE_CHECKING:
    from PIL import Image


def content_id(image: Image.Image) -> str:
    """SHA-256 of an RGB image's size and pixels, 64 hexadecimal digits."""
    digest = hashlib.sha256(f"{image.width}x{image.height}|".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()


def content_ids(source: ImageSource, items: Sequence[Item], *, workers: int | None = None) -> dict[str, str]:
    """Content id of each item, by path.

    Raises:
        UserError: an image cannot be read; the message names it.
    """
    threads = workers or min(8, os.cpu_count() or 1)
    ids = ordered_map(lambda item: content_id(source.read(item.path)), items, workers=threads)
    return {item.path: each for item, each in zip(items, ids, strict=True)}
