"""One epoch: batches in a random order, a step on each, and its row of `history.csv`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Optimizer

from attrgen.core.errors import UserError
from vr.data.loading.training_images import TrainingImages
from vr.methods.common.base import Loss, Method
from vr.methods.common.contributions import Scores
from vr.methods.common.recipe import Recipe
from vr.runs.history import Row
from vr.runtime.compilation import compiled
from vr.runtime.device import moved
from vr.training.schedule import set_learning_rate

Step = Callable[[Tensor, Tensor], tuple[Scores, Loss]]


def training_step(method: Method, compiles: bool) -> Step:
    """Scores and loss of a batch of prepared images and its labels; gradients are left in the parameters.

    Args:
        compiles: by `vr.runtime.compilation.compiled`, whose results last until the next call.
    """

    def backward(results: tuple[Scores, Loss]) -> None:
        results[1].total.backward()

    def plain(prepared: Tensor, labels: Tensor) -> tuple[Scores, Loss]:
        results = method.step(prepared, labels)
        backward(results)
        return results

    return compiled(method.step, backward) if compiles else plain


def train_epoch(
    method: Method,
    images: TrainingImages,
    recipe: Recipe,
    optimizer: Optimizer,
    step: Step,
    *,
    epoch: int,
    seed: int,
    prepared: Tensor | None = None,
) -> Row:
    """Train one epoch; its randomness is drawn from (seed, epoch) alone.

    Args:
        epoch: from 0.
        prepared: all prepared images, where they are not augmented.

    Returns:
        epoch (from 1), loss, cross_entropy, penalty, the method's own columns, lr, train_accuracy and
        images_per_second; means over images.

    Raises:
        UserError: the loss became NaN or infinite.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    torch.manual_seed(seed * 1_000_003 + epoch)  # of dropout
    order = torch.randperm(len(images), generator=generator)
    # Nothing below waits for the device: its work is queued while the program continues.
    batches = order.split(recipe.batch_size)
    positions = moved(order, images.device).split(recipe.batch_size)
    sums: list[Tensor] = []
    began = time.perf_counter()
    method.train()
    for number, (batch, rows) in enumerate(zip(batches, positions, strict=True)):
        set_learning_rate(
            optimizer,
            epoch * len(batches) + number,
            total=recipe.epochs * len(batches),
            warmup=recipe.warmup_epochs * len(batches),
            warmup_lr=recipe.warmup_lr,
        )
        inputs = augmented(method, images, batch, generator, recipe) if prepared is None else prepared[rows]
        sums.append(_update(method, optimizer, step, inputs, images.labels[rows]))
    totals = torch.stack(sums).sum(0).tolist()  # the epoch waits for the device here
    seconds = time.perf_counter() - began
    return _row(recipe, optimizer, method.log(), epoch, totals, len(images), seconds)


@torch.no_grad()
def augmented(
    method: Method, images: TrainingImages, batch: Tensor, generator: torch.Generator, recipe: Recipe
) -> Tensor:
    """A batch of training images, augmented and prepared."""
    return method.prepare(
        images.batch(batch, generator=generator, min_crop=recipe.min_crop, trivial=recipe.trivial_augment)
    )


def _update(method: Method, optimizer: Optimizer, step: Step, inputs: Tensor, labels: Tensor) -> Tensor:
    """One step; sums over the batch of loss, cross-entropy and penalty, and the count of correct images."""
    scores, loss = step(inputs, labels)
    method.adjust_gradients()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)  # now: a compiled step overwrites its last results
    correct = (scores.fused.detach().argmax(1) == labels).sum()
    means = (loss.total.detach(), loss.cross_entropy.detach(), loss.penalty.detach())
    return torch.stack([*(len(labels) * mean for mean in means), correct.to(loss.total.dtype)])


def _row(
    recipe: Recipe,
    optimizer: Optimizer,
    columns: dict[str, float],
    epoch: int,
    totals: list[float],
    images: int,
    seconds: float,
) -> Row:
    loss, cross_entropy, penalty, correct = (total / images for total in totals)
    if not math.isfinite(loss):
        raise UserError(
            f"the loss is {loss} in epoch {epoch + 1}",
            code="training-loss-not-finite",
            remedy=f"The learning rate ({recipe.lr:g}) is probably too large: lower it with --lr, or use "
            "--precision fp32. The last checkpoint before it is kept.",
        )
    return {
        "epoch": epoch + 1,
        "loss": loss,
        "cross_entropy": cross_entropy,
        "penalty": penalty,
        **columns,
        "lr": optimizer.param_groups[0]["lr"],
        "train_accuracy": correct,
        "images_per_second": images / seconds,
    }
