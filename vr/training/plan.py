"""`vr train --dry-run`: what would be trained on what, without a backbone and without writing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vr.data.sampling.fewshot import VAL_SHOTS
from vr.runs.experiment import Experiment, Resolved, Say, resolve
from vr.runs.settings import preset
from vr.training import sample


def plan(asked: Experiment, say: Say = lambda line: None) -> Iterator[str]:
    """Lines on an experiment: data, sample, method with what differs from its defaults, and the directory.

    Raises:
        UserError: whatever would stop the training before its backbone is loaded.
    """
    first = asked if asked.folds is None else asked.model_copy(update={"fold": 1})
    resolved = resolve(first, say)
    sample.check_enough(resolved)
    yield f"data: {resolved.card.title}, {_counts(resolved)}"
    yield f"sample: {_sample(resolved)}"
    if resolved.attributes is not None:
        texts = sum(1 for _ in resolved.attributes.entries())
        yield f"attributes: {resolved.attributes_file}, {texts} texts, id {resolved.attributes.id[:12]}"
    yield f"method: {asked.method}, preset {asked.preset}{_changes(resolved)}"
    yield f"training: {_recipe(resolved)}"
    yield f"backbone: {asked.backbone}{'' if asked.weights is None else f', weights {asked.weights}'}"
    yield f"kept epoch: {'the best on validation' if resolved.asked.select == 'val' else 'the last'}"
    path = resolved.path if asked.folds is None else resolved.path.parent
    exists = ", which exists: --resume continues it, --fresh replaces it" if path.exists() else ""
    yield f"run: {path}{exists}"
    yield "nothing was trained or written (--dry-run)"


def _counts(resolved: Resolved) -> str:
    source = resolved.source
    counts = ", ".join(f"{len(items):,} {split}" for split, items in source.splits.items())
    limit = resolved.asked.limit
    return f"{counts} images{'' if limit is None else f', at most {limit:,} of test'} in {source.root}"


def _sample(resolved: Resolved) -> str:
    asked, classes = resolved.asked, len(resolved.card.classes)
    if asked.fewshot is not None:
        return f"as {asked.fewshot} lists it"
    folds = "" if asked.folds is None else f", in each of {asked.folds} folds"
    return (
        f"{asked.shots} images of each of {classes} classes, {asked.shots * classes} in all, and up to "
        f"{min(asked.shots, VAL_SHOTS)} per class for validation; seed {asked.seed}{folds}"
    )


def _changes(resolved: Resolved) -> str:
    options, _ = preset(resolved.kind, resolved.asked.preset, resolved.asked.shots)
    changed = _different(options.model_dump(mode="json"), resolved.options.model_dump(mode="json"))
    return "".join(f", {key} {value}" for key, value in changed.items())


def _recipe(resolved: Resolved) -> str:
    recipe = resolved.recipe
    if recipe.epochs == 0:
        return "in closed form, without epochs"
    stops = f", stops after {recipe.early_stopping} epochs without progress" if recipe.early_stopping else ""
    weights = f", {recipe.class_weights} class weights" if recipe.class_weights else ""
    return (
        f"{recipe.epochs} epochs of {recipe.optimizer.upper()} at {recipe.lr:g}, batches of "
        f"{recipe.batch_size}{', augmented' if recipe.augment else ''}{weights}{stops}"
    )


def _different(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in after.items() if before.get(key) != value}
