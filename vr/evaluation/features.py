"""Image features, computed once for all methods that read only features; cached in `cache/features/`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from attrgen.core.decoding import cached as cached_file
from attrgen.core.files import write_bytes
from attrgen.core.names import readable
from vr.clip.backbone import Backbone
from vr.data.formats.source import ImageSource, Item
from vr.runtime.cache import cache_folder


def cached(
    backbone: Backbone,
    source: ImageSource,
    items: Sequence[Item],
    size: int,
    compute: Callable[[], Tensor],
    *,
    folder: Path | None = None,
) -> Tensor:
    """Features (N, D) of `items` at `size` pixels, in order, on the backbone's device.

    The key covers the weights, the precision and each image's path and stamp (size and time of its file), so
    that a changed image is encoded again. A damaged cache file counts as absent.

    Args:
        compute: gives the features where they are not cached.
    """
    root = readable(str(source.root.resolve()))
    digest = hashlib.sha256(f"{backbone.id}|{backbone.precision}|{size}|{root}".encode())
    for item in items:
        digest.update(f"|{item.path}|{source.stamp(item.path)}".encode())
    path = (folder or cache_folder() / "features") / f"{digest.hexdigest()[:32]}.safetensors"
    stored = cached_file(lambda: load_file(path)["features"])
    if stored is not None and _fits(stored, len(items)):
        return stored.to(backbone.device)
    rows = compute()
    write_bytes(path, to_bytes({"features": rows.float().cpu().contiguous()}))
    return rows


def _fits(stored: Tensor, rows: int) -> bool:
    """Whether it can be features of so many images."""
    return stored.dtype == torch.float32 and stored.shape[:-1] == (rows,) and bool(stored.isfinite().all())
