"""The one training loop, for every method: batches, steps, a row an epoch, selection, going on after a stop.

It sees training images and, when selecting on validation, validation images; never the test set.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from attrgen.core.errors import UserError
from vr.data.loading.training_images import TrainingImages
from vr.methods.common.base import Loss, Method
from vr.methods.common.contributions import Scores
from vr.methods.common.recipe import Recipe
from vr.runs.history import Row
from vr.runs.selection import Select
from vr.runtime.compilation import compiled, worth_compiling
from vr.runtime.device import moved
from vr.runtime.memory import DEFAULT_BATCH, WithinMemory
from vr.training.checkpoint import Checkpoint, capture, restore
from vr.training.schedule import make_optimizer, set_learning_rate

Step = Callable[[Tensor, Tensor], tuple[Scores, Loss]]
CHECKPOINT_SECONDS = 10.0
_BEST = "best."


@dataclass
class Trainer:
    """Trains one method in place.

    Args:
        method: what learns.
        images: the training set, decoded, on the method's device.
        recipe: optimiser, budget, augmentation.
        seed: of order and augmentation; every epoch draws from (seed, epoch) alone.
        val: validation images; needed for `select="val"` and for methods that fit in closed form.
        select: which epoch is kept: the last, or the best on validation (accuracy, then loss).
        watch: extra numbers for an epoch's row, computed after it (the test-selected `oracle`, if asked).
        on_epoch: told each epoch's row and the number of epochs.
        on_checkpoint: given a checkpoint now and then, and when training is interrupted.
        checkpoint_every: seconds between checkpoints; 0 writes one after every epoch.
    """

    method: Method
    images: TrainingImages
    recipe: Recipe
    seed: int
    val: TrainingImages | None = None
    select: Select = "last"
    watch: Callable[[], Row] | None = None
    on_epoch: Callable[[Row, int], None] = lambda row, epochs: None
    on_checkpoint: Callable[[Checkpoint], None] = lambda checkpoint: None
    checkpoint_every: float = CHECKPOINT_SECONDS
    _fused: WithinMemory = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._fused = WithinMemory(lambda prepared: self.method.scores(prepared).fused, DEFAULT_BATCH)

    def train(self, start: Checkpoint | None = None, *, fingerprint: str = "") -> list[Row]:
        """Train to the end of the recipe and leave the selected parameters in the method.

        Args:
            start: go on from there instead of from the beginning.
            fingerprint: of the configuration, stored in checkpoints.

        Returns:
            A row an epoch: epoch, loss, cross_entropy, penalty, the method's own columns, lr,
            train_accuracy, images_per_second; with validation selection val_accuracy and val_loss.

        Raises:
            UserError: the loss became NaN or infinite, by epoch, or a batch is too large for the device's
                memory; with what to try.
        """
        recipe, method = self.recipe, self.method
        fits = method.fits or recipe.epochs == 0
        whole = self._prepare_all(self.images) if fits or not recipe.augment else None
        val = None if self.val is None else (self._prepare_all(self.val), self.val.labels)
        if fits and whole is not None:
            method.fit(whole, self.images.labels, val)
        if recipe.epochs == 0:
            method.finish(val)
            return []
        prepared = None if recipe.augment else whole
        optimizer = make_optimizer(method.parameter_groups(recipe.lr), recipe, self.images.device)
        state = start or Checkpoint(0, {}, [], fingerprint)
        if start is not None:
            restore(start.tensors, method, optimizer)
        batches = math.ceil(len(self.images) / recipe.batch_size)
        compiles = worth_compiling(self.images.device, (recipe.epochs - state.epoch) * batches)
        step = training_step(method, compiles)
        written = time.monotonic()
        try:
            for epoch in range(state.epoch, recipe.epochs):
                row = self._epoch(epoch, step, optimizer, prepared)
                if self.select == "val":
                    row |= self._validate(val)
                if self.watch is not None:
                    row |= self.watch()
                now, best, kept = capture(method, optimizer), state.best, _best(state.tensors)
                if self.select == "val" and _better(row, best):
                    best = {key: row[key] for key in ("epoch", "val_accuracy", "val_loss")}
                    kept = {key: t for key, t in now.items() if key.startswith("parameter.")}
                now |= {f"{_BEST}{key}": t for key, t in kept.items()}
                state = Checkpoint(epoch + 1, now, [*state.history, row], fingerprint, best)
                self.on_epoch(row, recipe.epochs)
                if time.monotonic() - written >= self.checkpoint_every:
                    self.on_checkpoint(state)
                    written = time.monotonic()
        except KeyboardInterrupt:
            if state.epoch:
                self.on_checkpoint(state)
            raise
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"the device's memory does not hold a step of {recipe.batch_size} images",
                remedy="Lower --batch-size, use --precision bf16, or close what else uses the device.",
            ) from error
        finally:
            if compiles:
                torch.compiler.reset()  # and with it the memory of its graphs
        if self.select == "val":
            restore(_best(state.tensors), method)
        method.finish(val)
        return state.history

    def _epoch(
        self, epoch: int, step: Step, optimizer: torch.optim.Optimizer, prepared: Tensor | None
    ) -> Row:
        recipe, images = self.recipe, self.images
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        order = torch.randperm(len(images), generator=generator)
        # Nothing below waits for the device: its work queues up while the program goes on.
        batches = order.split(recipe.batch_size)
        places = moved(order, images.device).split(recipe.batch_size)
        total = recipe.epochs * len(batches)
        parts: list[Tensor] = []
        began = time.perf_counter()
        self.method.train()
        for number, (batch, place) in enumerate(zip(batches, places, strict=True)):
            set_learning_rate(
                optimizer,
                epoch * len(batches) + number,
                total=total,
                warmup=recipe.warmup_epochs * len(batches),
                warmup_lr=recipe.warmup_lr,
            )
            if prepared is None:
                with torch.no_grad():
                    inputs = self.method.prepare(
                        images.batch(batch, generator=generator, min_crop=recipe.min_crop)
                    )
            else:
                inputs = prepared[place]
            labels = images.labels[place]
            scores, loss = step(inputs, labels)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)  # now: a compiled step overwrites what it gave last time
            correct = (scores.fused.detach().argmax(1) == labels).sum()
            parts.append(
                torch.stack(
                    [
                        len(batch) * loss.total.detach(),
                        len(batch) * loss.cross_entropy.detach(),
                        len(batch) * loss.penalty.detach(),
                        correct.to(loss.total.dtype),
                    ]
                )
            )
        loss_sum, cross_entropy, penalty, hits = torch.stack(parts).sum(0).tolist()  # the epoch's one wait
        count = len(images)
        seconds = time.perf_counter() - began
        if not math.isfinite(loss_sum):
            raise UserError(
                f"the loss is {loss_sum / count} in epoch {epoch + 1}",
                remedy=f"The learning rate ({recipe.lr:g}) is probably too large: lower it with --lr, or use "
                "--precision fp32. The last checkpoint before it is kept.",
            )
        return {
            "epoch": epoch + 1,
            "loss": loss_sum / count,
            "cross_entropy": cross_entropy / count,
            "penalty": penalty / count,
            **self.method.log(),
            "lr": optimizer.param_groups[0]["lr"],
            "train_accuracy": hits / count,
            "images_per_second": count / seconds,
        }

    @torch.no_grad()
    def _prepare_all(self, images: TrainingImages) -> Tensor:
        size = self.method.image_size
        prepare = WithinMemory(
            lambda places: self.method.prepare(images.batch(places, size, augment=False)), DEFAULT_BATCH
        )
        return prepare(torch.arange(len(images)))

    @torch.no_grad()
    def _validate(self, val: tuple[Tensor, Tensor] | None) -> Row:
        if val is None:
            raise UserError("there are no validation images to select on", remedy="Use --select last.")
        prepared, labels = val
        self.method.eval()
        scores = self._fused(prepared)
        return {
            "val_accuracy": float((scores.argmax(1) == labels).float().mean()),
            "val_loss": float(torch.nn.functional.cross_entropy(scores, labels)),
        }


def training_step(method: Method, compiles: bool) -> Step:
    """Scores and loss of a batch of prepared images and its labels; gradients are left in the parameters.

    Args:
        compiles: by `vr.runtime.compilation.compiled`, whose results last until the next call.
    """

    def backward(found: tuple[Scores, Loss]) -> None:
        found[1].total.backward()

    def plain(prepared: Tensor, labels: Tensor) -> tuple[Scores, Loss]:
        found = method.step(prepared, labels)
        backward(found)
        return found

    return compiled(method.step, backward) if compiles else plain


def _better(row: Row, best: Row) -> bool:
    if not best:
        return True
    return (row["val_accuracy"], -row["val_loss"]) > (best["val_accuracy"], -best["val_loss"])


def _best(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(_BEST): t for key, t in tensors.items() if key.startswith(_BEST)}
