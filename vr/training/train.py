"""`vr train`: one experiment from beginning to end, into its run directory.

The test set is opened only after training, unless the test-selected `oracle` is asked for.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from attrgen.core.errors import UserError
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet
from vr.clip import backbone as backbones
from vr.clip.backbone import Backbone
from vr.data.formats.source import ImageSource, Item
from vr.data.infer_card import is_collection
from vr.data.loading.training_images import TrainingImages
from vr.data.sampling import fewshot
from vr.data.sampling.fewshot import FewShot
from vr.evaluation.evaluation import evaluate, evaluate_run
from vr.methods.common.base import Context, Method
from vr.report.run_report import write_report
from vr.runs import run as runs
from vr.runs.experiment import Experiment, Resolved, Say, resolve
from vr.runs.history import Row, write_history
from vr.runs.run import Run, RunConfig
from vr.runtime.device import resolve_device, resolve_precision
from vr.training import checkpoint as checkpoints
from vr.training import events
from vr.training.trainer import CHECKPOINT_SECONDS, Trainer


def run_experiment(
    asked: Experiment,
    *,
    resume: bool = False,
    fresh: bool = False,
    say: Say = lambda line: None,
    on_epoch: Callable[[Row, int], None] = lambda row, epochs: None,
    on_evaluated: Callable[[int], None] = lambda count: None,
    backbone: Backbone | None = None,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    tensorboard: bool = False,
) -> Run:
    """Train, save and measure; the run directory is complete afterwards.

    Args:
        resume: go on with an unfinished run; a finished one is left as it is.
        fresh: replace a run that is there.
        backbone: an already loaded one to use where it is the one asked for.
        checkpoint_every: seconds between checkpoints; 0 writes one after every epoch.
        tensorboard: also write TensorBoard events into the run directory.

    Raises:
        UserError: as for `resolve`, and: a run is there already, a loss that is not finite, no disk space.
    """
    if tensorboard:
        events.check_installed()
    resolved = resolve(asked, say)
    path = resolved.path
    device = resolve_device(asked.device)
    precision = resolve_precision(asked.precision, device)
    _check_free(path, resume=resume, fresh=fresh)
    sample = _sample(resolved)
    if backbone is None or (backbone.name, backbone.weights) != (asked.backbone, asked.weights):
        backbone = backbones.load(asked.backbone, asked.weights, device=device, precision=precision)
    if resume and (path / runs.CONFIG).is_file():
        backbone = backbone.as_recorded(runs.read_config(path).backbone.id) or backbone
    method = _method(resolved, backbone)
    config = _config(resolved, method, sample)
    if resume and (path / runs.CONFIG).is_file() and not fresh:
        _check_same(path, config)
        if (path / runs.METRICS).is_file():
            say(f"{path} is finished already")
            finished = runs.load_run(path, loaded=backbone)
            if not (path / runs.REPORT).is_file():
                write_report(path, run=finished, source=resolved.source)
            return finished
    start = checkpoints.load(path / runs.CHECKPOINT, config.fingerprint) if resume else None
    _write_beginning(path, config, sample, resolved.attributes)
    if start is None:
        (path / runs.CHECKPOINT).unlink(missing_ok=True)
    else:
        say(f"going on after epoch {start.epoch}")
    say(_summary(resolved, config))
    board = events.Events(path, start.history if start else ()) if tensorboard else None

    def epoch_done(row: Row, epochs: int) -> None:
        if board is not None:
            board.epoch(row)
        on_epoch(row, epochs)

    oracle = _Oracle(method, resolved.source) if asked.oracle else None
    trainer = Trainer(
        method,
        _images(resolved, sample.train, method, device),
        resolved.recipe,
        asked.seed,
        val=_images(resolved, sample.val, method, device) if sample.val else None,
        select=asked.select,
        watch=oracle,
        on_epoch=epoch_done,
        on_checkpoint=lambda checkpoint: checkpoints.save(checkpoint, path / runs.CHECKPOINT),
        checkpoint_every=checkpoint_every,
    )
    history = trainer.train(start, fingerprint=config.fingerprint)
    write_history(path, history)
    runs.save_model(path, method)
    for warning in method.warnings():
        say(f"note: {warning}")
    run = Run(path, config, method, resolved.attributes)
    metrics = evaluate_run(run, resolved.source, progress=on_evaluated)
    if board is not None:
        board.metrics(metrics)
        board.close()
    write_report(path, run=run, source=resolved.source)
    return run


class _Oracle:
    """The test accuracy of every epoch, only where it is asked for."""

    def __init__(self, method: Method, source: ImageSource) -> None:
        self.method, self.source = method, source

    def __call__(self) -> Row:
        found = evaluate(self.method, self.source, self.source.splits.get("test", ()))
        return {"oracle_accuracy": float((found.predicted == found.labels).float().mean())}


def _sample(resolved: Resolved) -> FewShot:
    asked = resolved.asked
    if asked.fewshot is None:
        return fewshot.draw(resolved.source, resolved.card, asked.shots, asked.seed)
    return fewshot.load(asked.fewshot, resolved.source, resolved.card)


def _images(
    resolved: Resolved, items: Sequence[Item], method: Method, device: torch.device
) -> TrainingImages:
    preprocessing = method.context.backbone.preprocessing
    return TrainingImages.load(resolved.source, items, method.image_size, preprocessing, device=device)


def _method(resolved: Resolved, backbone: Backbone) -> Method:
    torch.manual_seed(resolved.asked.seed)
    context = Context(
        backbone,
        resolved.card,
        resolved.attributes,
        seed=resolved.asked.seed,
        attributes_file=None if resolved.attributes_file is None else str(resolved.attributes_file),
    )
    return resolved.kind(context, resolved.options)


def _config(resolved: Resolved, method: Method, sample: FewShot) -> RunConfig:
    asked, backbone = resolved.asked, method.context.backbone
    attributes = None
    if resolved.attributes is not None:
        attributes = runs.AttributesRecord(file=str(resolved.attributes_file), id=resolved.attributes.id)
    encoder = getattr(method, "encoder", None)
    return RunConfig(
        method=asked.method,
        preset=asked.preset,
        options=resolved.options.model_dump(mode="json"),
        recipe=resolved.recipe,
        select=asked.select,
        shots=asked.shots,
        seed=asked.seed,
        fewshot=hashlib.sha256(fewshot.dumps(sample).encode()).hexdigest(),
        card=resolved.card,
        data=_data(asked),
        data_format=asked.data_format,
        attributes=attributes,
        backbone=runs.BackboneRecord(
            name=asked.backbone,
            weights=asked.weights,
            id=backbone.id,
            image_size=backbone.image_size,
            tau=backbone.tau,
            preprocessing=backbone.preprocessing,
        ),
        precision=backbone.precision,
        device=str(backbone.device),
        encoder="plain" if encoder is None else encoder.path,
        learned_parameters=method.learned(len(sample.train)),
        versions=versions(),
    )


def _data(asked: Experiment) -> str | None:
    """Where `vr eval` and its like find the images again; a collection may have been named as the dataset."""
    if asked.data is not None:
        return str(asked.data)
    return asked.dataset if asked.dataset is not None and is_collection(asked.dataset) else None


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    packages = ("biomedvr", "torch", "torchvision", "open_clip_torch", "pillow", "numpy", "scikit-learn")
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _write_beginning(path: Path, config: RunConfig, sample: FewShot, attributes: AttributeSet | None) -> None:
    results = (runs.METRICS, runs.PREDICTIONS, runs.MODEL, runs.HISTORY, runs.REPORT)
    for name in (*results, runs.CALIBRATION, runs.RISK_CSV, runs.RISK_PNG):
        (path / name).unlink(missing_ok=True)  # of a run that is replaced: never beside another's config
    runs.write_config(path, config)
    fewshot.save(sample, path / runs.FEWSHOT)
    if attributes is not None:
        attribute_set.save(attributes, path / runs.ATTRIBUTES)


def _check_free(path: Path, *, resume: bool, fresh: bool) -> None:
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise UserError("this is a file, and a run is a folder", file=there, remedy="Choose another --out.")
    if resume or fresh or not (path / runs.CONFIG).exists():
        if path.exists() and not (path / runs.CONFIG).exists() and any(path.iterdir()):
            raise UserError(
                "the folder holds other things than a run", file=path, remedy="Choose another with --out."
            )
        return
    finished = (path / runs.METRICS).is_file()
    raise UserError(
        "there is a finished run already" if finished else "there is an unfinished run already",
        file=path,
        remedy="Use --out for another place, or --fresh to replace it."
        if finished
        else "Use --resume to go on with it, or --fresh to replace it.",
    )


def _check_same(path: Path, config: RunConfig) -> None:
    before = runs.read_config(path)
    if before.fingerprint == config.fingerprint:
        return
    old, new = (
        _flat({k: v for k, v in each.model_dump(mode="json").items() if k not in runs.CIRCUMSTANCES})
        for each in (before, config)
    )
    differ = ", ".join(f"{k} {old.get(k)} there, {v} now" for k, v in new.items() if old.get(k) != v)
    raise UserError(
        f"the run there has other settings: {differ}",
        file=path,
        remedy="Give the settings of its config.json, use --out for another place, or --fresh to replace it.",
    )


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings by dotted names."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return found


def _summary(resolved: Resolved, config: RunConfig) -> str:
    source = "none" if config.attributes is None else config.attributes.id[:12]
    return (
        f"{config.method} on {resolved.card.title}: {len(resolved.card.classes)} classes, "
        f"{config.shots} shots, seed {config.seed}; {config.backbone.name} on {config.device} in "
        f"{config.precision}; {config.learned_parameters:,} learned numbers, {config.recipe.epochs} epochs; "
        f"attributes {source}"
    )
