"""Near-duplicates across splits: images that a frozen model hardly tells apart, such as another crop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from vr.clip.backbone import Backbone
from vr.data.formats.source import SPLITS, ImageSource, Item
from vr.data.loading.stream import stream

if TYPE_CHECKING:
    from torch import Tensor

_ROWS = 1024  # of the matrix of cosines at a time


@dataclass(frozen=True)
class NearDuplicate:
    """Two images of different splits, each as (split, item), and the cosine of their centred features."""

    first: tuple[str, Item]
    second: tuple[str, Item]
    cosine: float


def near_duplicates(
    source: ImageSource,
    backbone: Backbone,
    threshold: float,
    *,
    content: Mapping[str, str] | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> list[NearDuplicate]:
    """Pairs of images of two splits whose features have a cosine of at least `threshold`, the nearest first.

    Each image of the later split is paired with its nearest one of the earlier split. The mean feature of the
    collection is subtracted, because images of one modality have nearly equal features otherwise.

    Args:
        content: content id by path; pairs of equal images are left out, as are images without one.
        progress: called with the number of images of each batch.
    """
    splits = [split for split in SPLITS if split in source.splits]
    features = {split: _features(source, source.splits[split], backbone, progress) for split in splits}
    features = _centred(features)
    pairs = [
        NearDuplicate((one, first), (two, second), cosine)
        for one, two in combinations(splits, 2)
        for second, first, cosine in _nearest(features[two], features[one], content or {})
        if cosine >= threshold
    ]
    return sorted(pairs, key=lambda pair: (-pair.cosine, pair.second[1].path))


@dataclass(frozen=True)
class _Features:
    items: Sequence[Item]
    rows: Tensor


def _features(
    source: ImageSource, items: Sequence[Item], backbone: Backbone, progress: Callable[[int], None]
) -> _Features:
    """Unit features (N, D), float32 on the CPU, of the images that can be read."""
    import torch

    by_path = {item.path: item for item in items}
    skipped: list[UserError] = []
    read: list[Item] = []
    rows = [torch.zeros(0, 0)]
    batches = stream(source, items, backbone.image_size, backbone.preprocessing, on_error=skipped.append)
    with torch.inference_mode():
        for batch in batches:
            pixels = batch.images.to(backbone.device).float() / 255
            rows.append(backbone.encode_image(pixels).float().cpu())
            read += [by_path[path] for path in batch.paths]
            progress(len(batch.paths))
    return _Features(read, torch.cat(rows[1:]) if rows[1:] else rows[0])


def _centred(features: Mapping[str, _Features]) -> dict[str, _Features]:
    import torch
    from torch.nn import functional as F

    mean = torch.cat([part.rows for part in features.values() if len(part.items)]).mean(0)
    return {
        split: _Features(part.items, F.normalize(part.rows - mean, dim=1) if len(part.items) else part.rows)
        for split, part in features.items()
    }


def _nearest(
    queries: _Features, others: _Features, content: Mapping[str, str]
) -> list[tuple[Item, Item, float]]:
    """For each query the nearest of the others that is not the same image, and the cosine."""
    pairs: list[tuple[Item, Item, float]] = []
    if not others.items:
        return pairs
    ids = [content.get(item.path) for item in others.items]
    for start in range(0, len(queries.items), _ROWS):
        cosines = queries.rows[start : start + _ROWS] @ others.rows.T
        for query, row in zip(queries.items[start : start + _ROWS], cosines, strict=True):
            same = content.get(query.path)
            for index in row.argsort(descending=True).tolist():
                if same is None or ids[index] != same:
                    pairs.append((query, others.items[index], float(row[index])))
                    break
    return pairs
