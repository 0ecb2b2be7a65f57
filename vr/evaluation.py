"""Scores of many images: streamed, encoded without gradient, in bounded memory; a run measured on a split."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from attrgen.errors import UserError
from attrgen.files import write_text
from vr import features, predictions
from vr import run as runs
from vr.history import read_history, selected_epoch
from vr.images.source import ImageSource, Item
from vr.images.stream import stream
from vr.methods.base import Method
from vr.metrics import measure
from vr.predictions import Predictions
from vr.run import Run

BATCH_SIZE = 64


@torch.inference_mode()
def evaluate(
    method: Method,
    source: ImageSource,
    items: Sequence[Item],
    *,
    batch_size: int = BATCH_SIZE,
    workers: int = 4,
    progress: Callable[[int], None] = lambda count: None,
) -> Predictions:
    """Score `items` as they are, without augmentation.

    Features of images are computed once and shared by all methods that read them; see `vr.features`.

    Args:
        progress: told the number of images of each batch.

    Raises:
        UserError: there is no image, or one cannot be read.
    """
    method.eval()
    batches_of = _remembered if method.reads == "features" else prepared_batches
    paths: list[str] = []
    labels: list[Tensor] = []
    logits: list[Tensor] = []
    for prepared, batch_labels, batch_paths in batches_of(method, source, items, batch_size, workers):
        logits.append(method.scores(prepared).fused.float())
        labels.append(batch_labels)
        paths += batch_paths
        progress(len(batch_paths))
    if not paths:
        raise UserError("there is no image to evaluate", file=source.root, remedy="Check --data and --split.")
    names = method.context.card.class_names
    return Predictions(names, tuple(paths), torch.cat(labels), torch.cat(logits).cpu())


@torch.inference_mode()
def prepared_batches(
    method: Method,
    source: ImageSource,
    items: Iterable[Item],
    batch_size: int = BATCH_SIZE,
    workers: int = 4,
    on_error: Literal["raise", "skip"] = "raise",
    unreadable: list[UserError] | None = None,
) -> Iterator[tuple[Tensor, Tensor, list[str]]]:
    """Prepared images on the device, their labels (B,) and paths, a batch at a time.

    Args:
        on_error, unreadable: see `vr.images.stream.stream`.
    """
    device = method.context.backbone.device
    for batch in stream(
        source,
        items,
        method.image_size,
        batch_size=batch_size,
        workers=workers,
        on_error=on_error,
        unreadable=unreadable,
    ):
        pixels = batch.images.pin_memory() if device.type == "cuda" else batch.images
        images = pixels.to(device, non_blocking=True).float() / 255
        yield method.prepare(images), batch.labels, batch.paths


def evaluate_run(
    run: Run,
    source: ImageSource,
    *,
    split: str = "test",
    out: Path | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> dict[str, Any]:
    """Score a split, write `predictions.csv` and `metrics.json`, and return the metrics.

    Args:
        out: the folder to write into; the run directory by default.

    Raises:
        UserError: the collection has no such split, or an image cannot be read.
    """
    items = source.splits.get(split, ())
    if not items:
        raise UserError(
            f"the collection has no {split} images",
            file=source.root,
            remedy=f"Splits: {', '.join(source.splits)}.",
        )
    folder = out or run.path
    found = evaluate(run.method, source, items, progress=progress)
    history = read_history(run.path)
    metrics = {
        "format": "metrics/1",
        "dataset": run.card.name,
        "method": run.config.method,
        "split": split,
        "selected_epoch": selected_epoch(run.config.select, history),
        **measure(found),
    }
    if history and "oracle_accuracy" in history[0]:
        best = max(history, key=lambda row: row["oracle_accuracy"])
        metrics["oracle"] = {
            "accuracy": best["oracle_accuracy"],
            "epoch": int(best["epoch"]),
            "note": "selected on the test set: an upper bound, not a result",
        }
    predictions.save(found, folder / runs.PREDICTIONS)
    write_text(folder / runs.METRICS, json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
    return metrics


def _remembered(
    method: Method, source: ImageSource, items: Sequence[Item], batch_size: int, workers: int
) -> Iterator[tuple[Tensor, Tensor, list[str]]]:
    backbone = method.context.backbone

    def compute() -> Tensor:
        batches = prepared_batches(method, source, items, batch_size, workers)
        return torch.cat([prepared for prepared, _, _ in batches]) if items else torch.empty(0)

    rows = features.remembered(backbone, source, items, method.image_size, compute)
    for start in range(0, len(items), batch_size):
        part = items[start : start + batch_size]
        labels = torch.tensor([item.label for item in part])
        yield rows[start : start + batch_size], labels, [item.path for item in part]
