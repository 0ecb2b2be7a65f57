"""An experiment whose names and images are known: trained, measured and reported. Here torch is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from vr.clip import backbone as backbones
from vr.clip.backbone import Backbone
from vr.clip.bf16 import gains_from_bf16
from vr.clip.text_lengths import check_lengths
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.training_images import TrainingImages
from vr.data.sampling.view import without_unreadable
from vr.evaluation.evaluation import evaluate, evaluate_run
from vr.methods import find_method
from vr.methods.common.base import Context
from vr.runs import run as runs
from vr.runs.experiment import Resolved, Say
from vr.runs.history import Row, write_history
from vr.runs.run import Run
from vr.runs.selection import ORACLE, oracle_row
from vr.runs.unreadable import UNREADABLE, write_unreadable
from vr.runtime.device import resolve_device, resolve_precision
from vr.runtime.preloading import loading
from vr.training import checkpoint as checkpoints
from vr.training import events, run_folder
from vr.training.checkpoint import Checkpoint
from vr.training.configuration import make_config, summary
from vr.training.sample import ExperimentImages
from vr.training.trainer import Trainer

OnEpoch = Callable[[Row, int], None]
REPORTING = "vr.report.run_report"  # needed last, and slow to import: loaded beside the backbone


@dataclass(frozen=True)
class Training:
    """An experiment that is ready to be trained: its run has an untrained method."""

    resolved: Resolved
    images: ExperimentImages
    run: Run


def execute(
    resolved: Resolved,
    images: ExperimentImages,
    *,
    resume: bool,
    say: Say,
    on_epoch: OnEpoch,
    on_evaluated: Callable[[int], None],
    backbone: Backbone | None,
    checkpoint_every: float,
    tensorboard: bool,
    report: bool,
) -> Run:
    """Train, save and evaluate; arguments as for `vr.training.train.run_experiment`."""
    continues = resume and (resolved.path / runs.CONFIG).is_file()
    with loading(REPORTING):
        training = _prepare(resolved, images, backbone, continues)
    if continues:
        run_folder.check_same(resolved.path, training.run.config)
        if (resolved.path / runs.METRICS).is_file():
            say(f"{resolved.path} is finished already")
            return _finished(training)
    start = _begin(training, resume, say)
    board = events.Events(resolved.path, start.history if start else ()) if tensorboard else None
    _train(training, start, _both(on_epoch, board), checkpoint_every, say)
    if resolved.asked.skip_unreadable:
        _leave_out(training, say)
    metrics = evaluate_run(
        training.run, images.source, limited_from=images.limited_from, progress=on_evaluated
    )
    if board is not None:
        board.metrics(metrics)
        board.close()
    if report:
        _report(training.run, images.source)
    _remove_checkpoint(training.run)
    return training.run


def _prepare(
    resolved: Resolved, images: ExperimentImages, backbone: Backbone | None, continues: bool
) -> Training:
    """Load the backbone and build the method."""
    asked = resolved.asked
    device = resolve_device(asked.device)
    precision = resolve_precision(asked.precision, device)
    _check_texts(resolved)
    if backbone is None or (backbone.name, backbone.weights) != (asked.backbone, asked.weights):
        backbone = backbones.load(asked.backbone, asked.weights, device=device, precision=precision)
    before = runs.read_config(resolved.path) if continues else None
    if before is not None:
        backbone = backbone.as_recorded(before.backbone.id) or backbone
    if asked.precision == "auto" and precision == "fp32":
        fast = gains_from_bf16(backbone) if before is None else before.precision == "bf16"
        backbone = replace(backbone, precision="bf16" if fast else "fp32")
    torch.manual_seed(asked.seed)
    context = Context(
        backbone,
        resolved.card,
        resolved.attributes,
        seed=asked.seed,
        attributes_file=None if resolved.attributes_file is None else str(resolved.attributes_file),
    )
    method = find_method(asked.method)(context, resolved.options)
    config = make_config(resolved, method, images.sample, images.fold)
    if before is not None and config.attributes is None:  # older runs recorded a set that they did not read
        config = config.model_copy(update={"attributes": before.attributes})
    run = Run(resolved.path, config, method, resolved.attributes)
    return Training(resolved, images, run)


def _check_texts(resolved: Resolved) -> None:
    """Check the length of all texts that the method reads, before the backbone is loaded."""
    asked, file = resolved.asked, resolved.attributes_file
    if file is not None:
        kinds = resolved.kind.required_kinds(resolved.options, resolved.attributes)
        check_lengths(file, resolved.card, kinds, asked.backbone)


def _finished(training: Training) -> Run:
    """A run that was finished before, with its report."""
    path = training.run.path
    run = runs.load_run(path, loaded=training.run.method.context.backbone)
    if not (path / runs.REPORT).is_file():
        _report(run, training.images.source)
    _remove_checkpoint(run)
    return run


def _remove_checkpoint(run: Run) -> None:
    """A finished run looks the same whether it was interrupted or not."""
    (run.path / runs.CHECKPOINT).unlink(missing_ok=True)


def _report(run: Run, source: ImageSource) -> None:
    from vr.report.run_report import write_report

    write_report(run.path, run=run, source=source)


def _begin(training: Training, resume: bool, say: Say) -> Checkpoint | None:
    """Write the first files of the run directory; the checkpoint to continue from, if there is one."""
    run = training.run
    file = run.path / runs.CHECKPOINT
    start = checkpoints.load(file, run.config.fingerprint) if resume else None
    run_folder.write_first_files(run.path, run.config, training.images.sample, run.attributes)
    if start is None:
        file.unlink(missing_ok=True)
    else:
        say(f"continuing after epoch {start.epoch}")
    say(summary(training.resolved, run.config))
    return start


def _train(
    training: Training, start: Checkpoint | None, on_epoch: OnEpoch, checkpoint_every: float, say: Say
) -> None:
    """Train the method, and write history and model."""
    run, sample, resolved = training.run, training.images.sample, training.resolved
    watched = resolved.asked.oracle or (start is not None and oracle_row(start.history) is not None)
    trainer = Trainer(
        run.method,
        _images(training, sample.train),
        resolved.recipe,
        resolved.asked.seed,
        val=_images(training, sample.val) if sample.val else None,
        select=resolved.asked.select,
        validates=resolved.asked.validate_epochs,
        watch=(lambda: _oracle(training)) if watched else None,
        on_epoch=on_epoch,
        on_checkpoint=lambda checkpoint: checkpoints.save(checkpoint, run.path / runs.CHECKPOINT),
        checkpoint_every=checkpoint_every,
    )
    history = trainer.train(start, fingerprint=run.config.fingerprint)
    if history and len(history) < resolved.recipe.epochs:
        say(f"stopped after epoch {len(history)}: validation did not improve any more")
    write_history(run.path, history)
    runs.save_model(run.path, run.method)
    for warning in run.method.warnings():
        say(f"note: {warning}")


def _leave_out(training: Training, say: Say) -> None:
    """Add test images that cannot be read to those that are left out, and list all in the run."""
    _, of_test = without_unreadable(training.images.source, ("test",))
    errors = training.images.unreadable | of_test
    write_unreadable(training.run.path, errors)
    if errors:
        say(f"{len(errors)} images cannot be read and are left out: {training.run.path / UNREADABLE}")


def _images(training: Training, items: Sequence[Item]) -> TrainingImages:
    method = training.run.method
    backbone = method.context.backbone
    return TrainingImages.load(
        training.images.source, items, method.image_size, backbone.preprocessing, device=backbone.device
    )


def _oracle(training: Training) -> Row:
    """The test accuracy of an epoch, computed only where it is asked for."""
    source = training.images.source
    scored = evaluate(training.run.method, source, source.splits.get("test", ()))
    return {ORACLE: float((scored.predicted == scored.labels).float().mean())}


def _both(on_epoch: OnEpoch, board: events.Events | None) -> OnEpoch:
    """Call TensorBoard, where it is used, and then the caller's function."""

    def done(row: Row, epochs: int) -> None:
        if board is not None:
            board.epoch(row)
        on_epoch(row, epochs)

    return done
