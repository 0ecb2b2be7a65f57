"""Content ids: a hash of an image's decoded pixels, the same in a folder, a zip and an array file.

To decode 100,000 images takes minutes, so ids are cached in `cache/content/` by path and stamp (size and time
of the file, or the checksum in the archive).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.decoding import cached
from attrgen.core.errors import UserError, one_or_many
from attrgen.core.files import LARGEST_TABLE, read_bytes, write_text
from attrgen.core.names import readable
from vr.data.decoding.pixels import DECODING
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.parallel import ordered_map
from vr.runtime.cache import cache_folder

if TYPE_CHECKING:
    from PIL import Image

_CONTENT_ID = re.compile("[0-9a-f]{64}")
_CACHED_FROM = 200  # images; fewer are decoded faster than a cache is read


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
        cache: folder of cached ids, by default `cache/content` (below `VR_CACHE` if that is set).
        on_error: called for each image that cannot be read, which is then left out; by default the error is
            raised.
        progress: called after each image.

    Raises:
        UserError: images cannot be read; the message names all of them.
    """
    file = (cache or cache_folder() / "content") / f"{_root_id(source)}.json"
    known = _read(file) if len(items) >= _CACHED_FROM else {}

    def identify(item: Item) -> tuple[Item, str, str | UserError]:
        try:
            stamp = source.stamp(item.path)
        except UserError as error:
            return item, "", error
        known_stamp, known_id = known.get(item.path, (None, ""))
        if stamp == known_stamp:
            return item, stamp, known_id
        try:
            return item, stamp, content_id(source.read(item.path))
        except UserError as error:
            return item, stamp, error

    fresh: dict[str, tuple[str, str]] = {}
    errors: list[UserError] = []
    for item, stamp, result in ordered_map(identify, items, workers=min(8, os.cpu_count() or 1)):
        progress()
        if isinstance(result, str):
            fresh[item.path] = (stamp, result)
        elif on_error is not None:
            on_error(item, result)
        else:
            errors.append(result)
    if len(items) >= _CACHED_FROM and not fresh.items() <= known.items():
        write_text(file, json.dumps({**known, **fresh}, indent=0))
    if errors:
        raise one_or_many(errors)
    return {path: identifier for path, (_, identifier) in fresh.items()}


def equal_images(items: Mapping[str, Iterable[Item]], ids: Mapping[str, str]) -> list[list[tuple[str, Item]]]:
    """Groups of several images with the same pixels, as (split, item)."""
    groups: dict[str, list[tuple[str, Item]]] = {}
    for split, members in items.items():
        for item in members:
            if item.path in ids:
                groups.setdefault(ids[item.path], []).append((split, item))
    return [group for group in groups.values() if len(group) > 1]


def _root_id(source: ImageSource) -> str:
    """The same for the same collection as long as its files are decoded to the same pixels."""
    settings = [getattr(source, name, None) for name in ("window", "intensity")]
    key = f"{readable(str(source.root.resolve()))}|{DECODING}|{settings}"
    return hashlib.sha256(os.fsencode(key)).hexdigest()[:32]


def _read(file: Path) -> dict[str, tuple[str, str]]:
    """The cached ids; a damaged file counts as empty, because it can be made again."""

    def read() -> dict[str, tuple[str, str]]:
        values = json.loads(read_bytes(file, what="cache of content ids", largest=LARGEST_TABLE))
        return {
            str(path): (str(stamp), identifier)
            for path, (stamp, identifier) in values.items()
            if _CONTENT_ID.fullmatch(identifier)
        }

    return cached(read) or {}
