"""The one training loop, for every method: epochs, selection, checkpoints, resuming.

It sees training images and, when selecting on validation, validation images; never the test set.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim import Optimizer

from attrgen.core.errors import UserError
from vr.data.loading.training_images import TrainingImages
from vr.methods.common.base import Method
from vr.methods.common.recipe import Recipe
from vr.runs.history import Row
from vr.runs.selection import VAL_ACCURACY, VAL_LOSS, Select, is_better, is_exhausted, selected_row
from vr.runtime.compilation import worth_compiling
from vr.runtime.memory import DEFAULT_BATCH, WithinMemory
from vr.training.checkpoint import Checkpoint, capture, restore
from vr.training.epoch import augmented, train_epoch, training_step
from vr.training.schedule import make_optimizer

_BEST = "best."
Validation = tuple[Tensor, Tensor]  # prepared images and their labels


@dataclass
class Trainer:
    """Trains one method in place.

    Args:
        method: what learns.
        images: the training set, decoded, on the method's device.
        recipe: optimiser, budget, augmentation.
        seed: of order and augmentation; every epoch draws from (seed, epoch) alone.
        val: validation images; needed for `select="val"` and for methods that fit in closed form.
        select: which epoch is kept; see `vr.runs.selection`.
        validates: measure every epoch on `val` even where none is selected by it.
        watch: extra numbers for an epoch's row, computed after it (the test-selected `oracle`, if asked).
        on_epoch: called with each epoch's row and the number of epochs.
        on_checkpoint: given a checkpoint now and then, and when training is interrupted.
        checkpoint_every: seconds between checkpoints; 0 writes one after every epoch.
    """

    method: Method
    images: TrainingImages
    recipe: Recipe
    seed: int
    val: TrainingImages | None = None
    select: Select = "last"
    validates: bool = False
    watch: Callable[[], Row] | None = None
    on_epoch: Callable[[Row, int], None] = lambda row, epochs: None
    on_checkpoint: Callable[[Checkpoint], None] = lambda checkpoint: None
    checkpoint_every: float = 10.0
    _fused: WithinMemory = field(init=False, repr=False)
    _as_they_are: Tensor | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self._fused = WithinMemory(lambda prepared: self.method.scores(prepared).fused, DEFAULT_BATCH)

    def train(self, start: Checkpoint | None = None, *, fingerprint: str = "") -> list[Row]:
        """Train to the end of the recipe and leave the selected parameters in the method.

        Args:
            start: continue from there instead of from the beginning.
            fingerprint: of the configuration, stored in checkpoints.

        Returns:
            A row per epoch: the columns of `vr.training.epoch.train_epoch`; with validation selection
            val_accuracy and val_loss; and what `watch` adds. Empty where there are no epochs.

        Raises:
            UserError: the loss became NaN or infinite, by epoch, or a batch is too large for the device's
                memory; with what to try.
        """
        recipe, method = self.recipe, self.method
        fits = (method.fits or recipe.epochs == 0) and self._has("fit")
        method.train()
        prepared = self._prepare_all(self.images) if fits or (recipe.epochs and not recipe.augment) else None
        method.eval()
        val = self._prepared_validation() if fits or self._reads_validation else None
        method.train()
        if fits and prepared is not None:
            method.fit(prepared, self.images.labels, val)
        history: list[Row] = []
        if recipe.class_weights is not None:
            method.class_weights = balanced_weights(self.images.labels, len(method.context.card.classes))
        if recipe.epochs:
            state = start or Checkpoint(0, {}, [], fingerprint)
            state = self._run_epochs(state, None if recipe.augment else prepared, val)
            history = state.history
            if self.select == "val":
                restore(_best(state.tensors), method)
        self._recount()
        if method.refits:
            self._refit(val)
        method.finish(val)
        return history

    def _has(self, name: str) -> bool:
        """Whether the method has its own function of that name."""
        return getattr(type(self.method), name) is not getattr(Method, name)

    @property
    def _reads_validation(self) -> bool:
        """Whether validation images are read after the beginning."""
        refits = self.method.refits_on_validation
        return self.validates or self.select == "val" or refits or self._has("finish")

    def _prepared_validation(self) -> Validation | None:
        return None if self.val is None else (self._prepare_all(self.val), self.val.labels)

    def _run_epochs(self, state: Checkpoint, prepared: Tensor | None, val: Validation | None) -> Checkpoint:
        """The epochs that remain after `state`."""
        recipe, method = self.recipe, self.method
        optimizer = make_optimizer(method.parameter_groups(recipe.lr), recipe, self.images.device)
        if state.epoch:
            restore(state.tensors, method, optimizer)
        written = time.monotonic()
        with self._device_errors(), self._compiled(recipe.epochs - state.epoch) as compiles:
            step = training_step(method, compiles)
            try:
                for epoch in range(state.epoch, recipe.epochs):
                    if is_exhausted(state.history, recipe.early_stopping):
                        break
                    self._recount()
                    row = train_epoch(
                        method,
                        self.images,
                        recipe,
                        optimizer,
                        step,
                        epoch=epoch,
                        seed=self.seed,
                        prepared=prepared,
                    )
                    state = self._after_epoch(state, row, optimizer, val)
                    self.on_epoch(state.history[-1], recipe.epochs)
                    if time.monotonic() - written >= self.checkpoint_every:
                        self.on_checkpoint(state)
                        written = time.monotonic()
            except KeyboardInterrupt:
                if state.epoch:
                    self.on_checkpoint(state)
                raise
        return state

    def _after_epoch(
        self, state: Checkpoint, row: Row, optimizer: Optimizer, val: Validation | None
    ) -> Checkpoint:
        """The state after an epoch, with its row complete and the best parameters so far."""
        if self.validates or self.select == "val":
            row |= self._validate(val)
        if self.watch is not None:
            row |= self.watch()
        tensors, best = capture(self.method, optimizer), _best(state.tensors)
        if self.select == "val" and is_better(row, selected_row("val", state.history)):
            best = {key: tensor for key, tensor in tensors.items() if key.startswith("parameter.")}
        tensors |= {f"{_BEST}{key}": tensor for key, tensor in best.items()}
        return Checkpoint(state.epoch + 1, tensors, [*state.history, row], state.fingerprint)

    @contextmanager
    def _compiled(self, epochs: int) -> Iterator[bool]:
        """Whether so many epochs are worth a compilation; frees its memory at the end."""
        batches = math.ceil(len(self.images) / self.recipe.batch_size)
        compiles = worth_compiling(self.images.device, epochs * batches)
        try:
            yield compiles
        finally:
            if compiles:
                torch.compiler.reset()  # and with it the memory of its graphs

    @contextmanager
    def _device_errors(self) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"the device's memory does not hold a step of {self.recipe.batch_size} images",
                code="training-out-of-memory",
                remedy="Lower --batch-size, use --precision bf16, or close other programs on the device.",
            ) from error

    @torch.no_grad()
    def _recount(self) -> None:
        if self.method.recounts:
            self.method.eval()
            if self._as_they_are is None:
                self._as_they_are = self._prepare_all(self.images)
            self.method.recount(self._as_they_are, self.images.labels)

    @torch.no_grad()
    def _refit(self, val: Validation | None) -> None:
        self.method.eval()
        self.method.refit(self._views(self.method.refit_passes), self.images.labels, val)

    def _views(self, passes: int) -> Iterator[Tensor]:
        """All prepared training images as they are, then augmented so many times."""
        yield self._prepare_all(self.images)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.recipe.epochs)
        batches = torch.arange(len(self.images)).split(DEFAULT_BATCH)
        for _ in range(passes):
            yield torch.cat(
                [augmented(self.method, self.images, batch, generator, self.recipe) for batch in batches]
            )

    @torch.no_grad()
    def _prepare_all(self, images: TrainingImages) -> Tensor:
        size = self.method.image_size
        prepare = WithinMemory(
            lambda rows: self.method.prepare(images.batch(rows, size, augment=False)), DEFAULT_BATCH
        )
        with self.method.context.backbone.reusing():
            return prepare(torch.arange(len(images)))

    @torch.no_grad()
    def _validate(self, val: Validation | None) -> Row:
        if val is None:
            raise UserError(
                "there are no validation images",
                code="training-no-validation-images",
                remedy="Train with --select last, without early stopping and validation curve.",
            )
        prepared, labels = val
        self.method.eval()
        scores = self._fused(prepared)
        return {
            VAL_ACCURACY: float((scores.argmax(1) == labels).float().mean()),
            VAL_LOSS: float(torch.nn.functional.cross_entropy(scores, labels)),
        }


def balanced_weights(labels: Tensor, classes: int) -> Tensor:
    """Weights (C,) with which every class counts the same: `N / (C n_c)`, 0 for a class without images.

    (King and Zeng, Logistic regression in rare events data, 2001; as scikit-learn's `balanced`.)
    """
    counts = torch.bincount(labels, minlength=classes)
    weights = len(labels) / (classes * counts.clamp(min=1))
    return torch.where(counts > 0, weights, torch.zeros_like(weights))


def _best(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(_BEST): tensor for key, tensor in tensors.items() if key.startswith(_BEST)}
