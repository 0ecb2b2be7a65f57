"""Content ids: a hash of an image's decoded pixels, the same in a folder, a zip and an array file.

Decoding a whole collection takes minutes where there are 100,000 images, so ids are kept in `cache/content/`,
by path and stamp (size and time of the file, or the checksum in the archive).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from attrgen.core.files import write_text
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.parallel import ordered_map

if TYPE_CHECKING:
    from PIL import Image

_WORTH_KEEPING = 200  # fewer images than these are decoded again sooner than looked up


def content_id(image: Image.Image) -> str:
    """SHA-256 of an RGB image's size and pixels, 64 hexadecimal digits."""
    digest = hashlib.sha256(f"{image.width}x{image.height}|".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()


def content_ids(
    source: ImageSource,
    items: Sequence[Item],
    *,
    cache: Path | None = None,
    on_error: Callable[[Item, UserError], None] | None = None,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, str]:
    """Content id of each item, by path.

    Args:
        cache: folder of remembered ids, by default `cache/content` (below `VR_CACHE` if that is set).
        on_error: told of each image that cannot be read, which is then left out; by default it is raised.
        progress: called after each image.

    Raises:
        UserError: an image cannot be read; the message names it.
    """
    file = (cache or Path(os.environ.get("VR_CACHE", "cache")) / "content") / f"{_root_id(source)}.json"
    known = _read(file) if len(items) >= _WORTH_KEEPING else {}

    def one(item: Item) -> tuple[Item, str, str | UserError]:
        stamp = source.stamp(item.path)
        remembered = known.get(item.path)
        if remembered is not None and remembered[0] == stamp:
            return item, stamp, remembered[1]
        try:
            return item, stamp, content_id(source.read(item.path))
        except UserError as error:
            if on_error is None:
                raise
            return item, stamp, error

    fresh: dict[str, tuple[str, str]] = {}
    for item, stamp, found in ordered_map(one, items, workers=min(8, os.cpu_count() or 1)):
        progress()
        if isinstance(found, str):
            fresh[item.path] = (stamp, found)
        elif on_error is not None:
            on_error(item, found)
    if len(items) >= _WORTH_KEEPING and not fresh.items() <= known.items():
        write_text(file, json.dumps({**known, **fresh}, indent=0))
    return {path: found for path, (_, found) in fresh.items()}


def duplicates(items: Mapping[str, Iterable[Item]], ids: Mapping[str, str]) -> list[list[tuple[str, Item]]]:
    """Groups of images with the same pixels in more than one split, as (split, item), in order of path."""
    groups: dict[str, list[tuple[str, Item]]] = {}
    for split, own in items.items():
        for item in own:
            if item.path in ids:
                groups.setdefault(ids[item.path], []).append((split, item))
    return [group for group in groups.values() if len({split for split, _ in group}) > 1]


def _root_id(source: ImageSource) -> str:
    return hashlib.sha256(str(source.root.resolve()).encode()).hexdigest()[:32]


def _read(file: Path) -> dict[str, tuple[str, str]]:
    """What is remembered; a damaged file counts as empty, for it can always be made again."""
    try:
        values = json.loads(file.read_bytes())
        return {str(path): (str(stamp), str(found)) for path, (stamp, found) in values.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
