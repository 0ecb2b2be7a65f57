"""Scores of many images: streamed, without gradient, in bounded memory; a run evaluated on a split."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attrgen.core.errors import UserError
from attrgen.core.files import write_text
from vr.data.formats.groups import group_key, has_groups
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.stream import stream
from vr.evaluation import features, operating_point
from vr.evaluation.measurement import measure
from vr.evaluation.seen_images import seen_images
from vr.methods.common.base import Method
from vr.runs import predictions
from vr.runs import run as runs
from vr.runs.history import read_history
from vr.runs.images import no_images
from vr.runs.predictions import Predictions, checked
from vr.runs.run import Run
from vr.runs.selection import ORACLE, oracle_row, selected_epoch
from vr.runs.unreadable import read_unreadable
from vr.runtime.device import moved
from vr.runtime.distributed import Processes
from vr.runtime.memory import WithinMemory, evaluation_batch_size


@torch.inference_mode()
def evaluate(
    method: Method,
    source: ImageSource,
    items: Sequence[Item],
    *,
    batch_size: int | None = None,
    workers: int = 4,
    group: Processes | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> Predictions:
    """Score `items` as they are, without augmentation.

    Features of images are computed once and shared by all methods that read them; see `features`.

    Args:
        batch_size: by default what `default_batch_size` says.
        group: processes that share the images; each of them calls this and gets all scores.
        progress: called with the number of images of each batch, as if all processes were equally fast.

    Raises:
        UserError: there is no image, or one cannot be read.
    """
    if not items:
        raise no_images(source)
    device, names = method.context.backbone.device, method.context.card.class_names
    group = group or Processes(0, 1, device)
    size = group.least(batch_size or default_batch_size(method))
    shared = group.share(items, size)
    score = _score_features if method.reads == "features" else score_batches
    logits: list[Tensor] = []
    for scores, paths in score(method, source, shared, batch_size=size, workers=workers):
        logits.append(scores)
        progress(len(paths) * group.size)
    own = torch.cat(logits) if logits else torch.zeros(0, len(names), device=device)
    return Predictions(
        names,
        tuple(item.path for item in items),
        torch.tensor([item.label for item in items]),
        checked(group.gather(own, len(items), size).cpu(), names),
        tuple(map(group_key, items)) if has_groups(items) else None,
    )


@torch.inference_mode()
def default_batch_size(method: Method) -> int:
    """How many images a batch of this method has: 64 on a CPU, on a GPU what its free memory holds."""
    method.eval()
    # Not `fused_scores`: to reuse features takes no memory, and other images would still need it.
    score = WithinMemory(lambda images: method.scores(method.prepare(images.float() / 255)).fused)
    return evaluation_batch_size(score, method.image_size, method.context.backbone.device)


def score_batches(
    method: Method,
    source: ImageSource,
    items: Iterable[Item],
    *,
    batch_size: int | None = None,
    workers: int = 4,
    on_error: Callable[[UserError], None] | None = None,
) -> Iterator[tuple[Tensor, list[str]]]:
    """Fused scores (B, C), float32, and the images' paths; see `map_batches`."""
    method.eval()
    return map_batches(
        lambda images: fused_scores(method, images),
        method,
        source,
        items,
        batch_size=batch_size or default_batch_size(method),
        workers=workers,
        on_error=on_error,
    )


@torch.inference_mode()
def map_batches(
    function: Callable[[Tensor], Tensor],
    method: Method,
    source: ImageSource,
    items: Iterable[Item],
    *,
    batch_size: int,
    workers: int = 4,
    on_error: Callable[[UserError], None] | None = None,
) -> Iterator[tuple[Tensor, list[str]]]:
    """A function of images as they stream by, on the method's device, and their paths; a batch at a time.

    Args:
        function: of images (B, 3, image_size, image_size) uint8, each row of its own image alone; it is given
            smaller batches where memory runs out.
        on_error: see `vr.data.loading.stream.stream`.
    """
    device = method.context.backbone.device
    within = WithinMemory(function, batch_size)
    for batch in stream(
        source,
        items,
        method.image_size,
        method.context.backbone.preprocessing,
        batch_size=batch_size,
        workers=workers,
        on_error=on_error,
    ):
        yield within(moved(batch.images, device)), batch.paths


def prepared(method: Method, images: Tensor) -> Tensor:
    """`method.prepare` of uint8 images."""
    with method.context.backbone.reusing():
        return method.prepare(images.float() / 255)


def evaluate_run(
    run: Run,
    source: ImageSource,
    *,
    split: str = "test",
    out: Path | None = None,
    group: Processes | None = None,
    limited_from: int | None = None,
    renamed: bool = False,
    progress: Callable[[int], None] = lambda count: None,
) -> dict[str, Any]:
    """Score a split, write `predictions.csv` and `metrics.json`, and return the metrics.

    Test images that trained the run are left out and counted: a collection that has changed since, or another
    one, may have them in its test split.

    Args:
        out: the folder to write into; the run directory by default.
        group: processes that share the images; one of them writes.
        limited_from: how many images the split had before it was limited for a quick try.
        renamed: whether images may have other paths than where the run was trained; see `seen_images`.

    Raises:
        UserError: the collection has no such split, or an image cannot be read.
    """
    unreadable = read_unreadable(run.path)
    readable = [item for item in source.splits.get(split, ()) if item.path not in unreadable]
    items = _unseen(run, source, readable, renamed=renamed) if split == "test" else readable
    if not items:
        raise UserError(
            f"the collection has no {split} images",
            code="evaluation-no-split",
            file=source.root,
            remedy=f"Splits: {', '.join(source.splits)}.",
        )
    folder = out or run.path
    scored = evaluate(run.method, source, items, group=group, progress=progress)
    metrics = _metrics(run, split, scored)
    if (point := operating_point.load(run.path)) is not None:
        metrics["operating_point"] = point.measured(scored)
    if len(readable) < len(source.splits[split]):
        metrics["unreadable"] = len(source.splits[split]) - len(readable)
    if len(items) < len(readable):
        metrics["seen"] = len(readable) - len(items)
    if limited_from is not None:
        metrics["limited_from"] = limited_from
    if group is None or group.leads:
        predictions.save(scored, folder / runs.PREDICTIONS)
        write_text(folder / runs.METRICS, json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
    return metrics


def _unseen(run: Run, source: ImageSource, items: Sequence[Item], *, renamed: bool) -> list[Item]:
    """The images that did not train the run, nor their groups.

    Raises:
        UserError: all did.
    """
    seen = seen_images(run, source, items, renamed=renamed)
    if seen and len(seen) == len(items):
        raise UserError(
            "all test images trained the run, or are of the groups of those that did",
            code="evaluation-only-seen",
            file=source.root,
            remedy="Give other images with --data.",
        )
    return [item for item in items if item.path not in seen]


def _metrics(run: Run, split: str, scored: Predictions) -> dict[str, Any]:
    history = read_history(run.path)
    metrics = {
        "format": "metrics/1",
        "dataset": run.card.name,
        "method": run.config.method,
        "split": split,
        "selected_epoch": selected_epoch(run.config.select, history),
        **measure(scored),
    }
    if oracle := oracle_row(history):
        best, epoch = oracle[ORACLE], int(oracle["epoch"])
        if split == "test" and metrics["overall"]["accuracy"] > best:  # what is fitted after training may add
            best, epoch = metrics["overall"]["accuracy"], metrics["selected_epoch"]
        metrics["oracle"] = {
            "accuracy": best,
            "epoch": epoch,
            "note": "selected on the test set: an upper bound, not a result",
        }
    return metrics


def _score_features(
    method: Method, source: ImageSource, items: Sequence[Item], *, batch_size: int, workers: int
) -> Iterator[tuple[Tensor, list[str]]]:
    if not items:
        return
    method.eval()

    def compute() -> Tensor:
        batches = map_batches(
            lambda images: prepared(method, images),
            method,
            source,
            items,
            batch_size=batch_size,
            workers=workers,
        )
        return torch.cat([rows for rows, _ in batches])

    rows = features.cached(method.context.backbone, source, items, method.image_size, compute)
    score = WithinMemory(lambda rows: method.scores(rows).fused.float(), batch_size)
    for start in range(0, len(items), batch_size):
        part = slice(start, start + batch_size)
        yield score(rows[part]), [item.path for item in items[part]]


def fused_scores(method: Method, images: Tensor) -> Tensor:
    """Fused scores (B, C), float32, of images (B, 3, image_size, image_size) uint8 on the method's device."""
    return method.scores(prepared(method, images)).fused.float()
