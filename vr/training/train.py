"""`vr train`: one experiment from beginning to end, into its run directory.

The test set is opened only after training, unless the test-selected `oracle` is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from attrgen.core.errors import UserError
from vr.clip import backbone as backbones
from vr.clip.backbone import Backbone
from vr.clip.text_lengths import check_lengths
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.training_images import TrainingImages
from vr.data.sampling import fewshot
from vr.data.sampling.fewshot import FewShot
from vr.data.sampling.folds import draw_folds
from vr.data.sampling.view import without_unreadable
from vr.evaluation.evaluation import evaluate, evaluate_run
from vr.methods.common.base import Context
from vr.report.run_report import write_report
from vr.runs import run as runs
from vr.runs.experiment import Experiment, Resolved, Say, resolve
from vr.runs.history import Row, write_history
from vr.runs.run import FoldRecord, Run
from vr.runs.selection import ORACLE, oracle_row
from vr.runs.unreadable import UNREADABLE, write_unreadable
from vr.runtime.device import resolve_device, resolve_precision
from vr.training import checkpoint as checkpoints
from vr.training import events, run_folder
from vr.training.checkpoint import Checkpoint
from vr.training.configuration import make_config, summary
from vr.training.trainer import CHECKPOINT_SECONDS, Trainer

OnEpoch = Callable[[Row, int], None]


def run_experiment(
    asked: Experiment,
    *,
    resume: bool = False,
    fresh: bool = False,
    say: Say = lambda line: None,
    on_epoch: OnEpoch = lambda row, epochs: None,
    on_evaluated: Callable[[int], None] = lambda count: None,
    backbone: Backbone | None = None,
    on_resolved: Callable[[Resolved], None] = lambda resolved: None,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    tensorboard: bool = False,
) -> Run:
    """Train, save and evaluate; the run directory is complete afterwards.

    Args:
        resume: continue an unfinished run; a finished one is loaded.
        fresh: replace an existing run.
        on_epoch: called with each epoch's row of the history and the number of epochs.
        on_evaluated: called with counts of evaluated images.
        backbone: an already loaded one, used where it is the one asked for.
        on_resolved: called with everything that the names stand for, before the backbone is loaded.
        checkpoint_every: seconds between checkpoints; 0 writes one after every epoch.
        tensorboard: also write TensorBoard events into the run directory.

    Raises:
        UserError: as for `resolve`, and: a run exists already, a loss that is not finite, no disk space.
    """
    if tensorboard:
        events.check_installed()
    resume = resume and not fresh
    resolved = resolve(asked, say)
    run_folder.check_free(resolved.path, resume=resume, fresh=fresh)
    on_resolved(resolved)
    continues = resume and (resolved.path / runs.CONFIG).is_file()
    training = _prepare(resolved, backbone, continues, say)
    if continues:
        run_folder.check_same(resolved.path, training.run.config)
        if (resolved.path / runs.METRICS).is_file():
            say(f"{resolved.path} is finished already")
            return _finished(training)
    start = _begin(training, resume, say)
    board = events.Events(resolved.path, start.history if start else ()) if tensorboard else None
    _train(training, start, _both(on_epoch, board), checkpoint_every, say)
    if asked.skip_unreadable:
        _leave_out(training, say)
    metrics = evaluate_run(training.run, training.source, progress=on_evaluated)
    if board is not None:
        board.metrics(metrics)
        board.close()
    write_report(resolved.path, run=training.run, source=training.source)
    return training.run


@dataclass(frozen=True)
class _Training:
    """An experiment that is ready to be trained: its run has an untrained method.

    Attributes:
        source: the images that it may use: one fold is the test split, unreadable ones are left out.
        unreadable: errors of the images that were left out, by path.
    """

    resolved: Resolved
    source: ImageSource
    unreadable: dict[str, UserError]
    sample: FewShot
    run: Run


def _prepare(resolved: Resolved, backbone: Backbone | None, continues: bool, say: Say) -> _Training:
    """Draw the few-shot sample, load the backbone and build the method."""
    asked = resolved.asked
    device = resolve_device(asked.device)
    precision = resolve_precision(asked.precision, device)
    source, fold, unreadable = training_source(resolved, say)
    sample = _sample(resolved, source)
    _check_texts(resolved)
    if backbone is None or (backbone.name, backbone.weights) != (asked.backbone, asked.weights):
        backbone = backbones.load(asked.backbone, asked.weights, device=device, precision=precision)
    before = runs.read_config(resolved.path) if continues else None
    if before is not None:
        backbone = backbone.as_recorded(before.backbone.id) or backbone
    torch.manual_seed(asked.seed)
    context = Context(
        backbone,
        resolved.card,
        resolved.attributes,
        seed=asked.seed,
        attributes_file=None if resolved.attributes_file is None else str(resolved.attributes_file),
    )
    method = resolved.kind(context, resolved.options)
    config = make_config(resolved, method, sample, fold)
    if before is not None and config.attributes is None:  # older runs recorded a set that they did not read
        config = config.model_copy(update={"attributes": before.attributes})
    run = Run(resolved.path, config, method, resolved.attributes)
    return _Training(resolved, source, unreadable, sample, run)


def _check_texts(resolved: Resolved) -> None:
    """Check the length of all texts that the method reads, before the backbone is loaded."""
    asked, file = resolved.asked, resolved.attributes_file
    if file is not None:
        kinds = resolved.kind.required_kinds(resolved.options, resolved.attributes)
        check_lengths(file, resolved.card, kinds, asked.backbone, asked.weights)


def training_source(
    resolved: Resolved, say: Say = lambda line: None
) -> tuple[ImageSource, FoldRecord | None, dict[str, UserError]]:
    """The images to use, which fold is the test split, and errors of images that are left out.

    Test images are read only for folds and for the oracle.
    """
    asked, source = resolved.asked, resolved.source
    unreadable: dict[str, UserError] = {}
    if asked.skip_unreadable:
        early = asked.folds is not None or asked.oracle  # then test images are read before the end
        splits = tuple(source.splits) if early else ("train", "val")
        source, unreadable = without_unreadable(source, splits)
    if asked.folds is None or asked.fold is None:
        return source, None, unreadable
    folds = draw_folds(source, resolved.card, asked.folds, asked.seed)
    if asked.fold == 1:
        for note in folds.notes:
            say(note)
    record = FoldRecord(number=asked.fold, folds=asked.folds, digest=folds.digest)
    return folds.view(source, asked.fold), record, unreadable


def _sample(resolved: Resolved, source: ImageSource) -> FewShot:
    asked = resolved.asked
    if asked.fewshot is None:
        return fewshot.draw(source, resolved.card, asked.shots, asked.seed)
    return fewshot.load(asked.fewshot, source, resolved.card)


def _finished(training: _Training) -> Run:
    """A run that was finished before, with its report."""
    path = training.run.path
    run = runs.load_run(path, loaded=training.run.method.context.backbone)
    if not (path / runs.REPORT).is_file():
        write_report(path, run=run, source=training.source)
    return run


def _begin(training: _Training, resume: bool, say: Say) -> Checkpoint | None:
    """Write the first files of the run directory; the checkpoint to continue from, if there is one."""
    run = training.run
    file = run.path / runs.CHECKPOINT
    start = checkpoints.load(file, run.config.fingerprint) if resume else None
    run_folder.write_first_files(run.path, run.config, training.sample, run.attributes)
    if start is None:
        file.unlink(missing_ok=True)
    else:
        say(f"continuing after epoch {start.epoch}")
    say(summary(training.resolved, run.config))
    return start


def _train(
    training: _Training, start: Checkpoint | None, on_epoch: OnEpoch, checkpoint_every: float, say: Say
) -> None:
    """Train the method, and write history and model."""
    run, sample, resolved = training.run, training.sample, training.resolved
    watched = resolved.asked.oracle or (start is not None and oracle_row(start.history) is not None)
    trainer = Trainer(
        run.method,
        _images(training, sample.train),
        resolved.recipe,
        resolved.asked.seed,
        val=_images(training, sample.val) if sample.val else None,
        select=resolved.asked.select,
        watch=(lambda: _oracle(training)) if watched else None,
        on_epoch=on_epoch,
        on_checkpoint=lambda checkpoint: checkpoints.save(checkpoint, run.path / runs.CHECKPOINT),
        checkpoint_every=checkpoint_every,
    )
    history = trainer.train(start, fingerprint=run.config.fingerprint)
    write_history(run.path, history)
    runs.save_model(run.path, run.method)
    for warning in run.method.warnings():
        say(f"note: {warning}")


def _leave_out(training: _Training, say: Say) -> None:
    """Add test images that cannot be read to those that are left out, and list all in the run."""
    _, of_test = without_unreadable(training.source, ("test",))
    errors = training.unreadable | of_test
    write_unreadable(training.run.path, errors)
    if errors:
        say(f"{len(errors)} images cannot be read and are left out: {training.run.path / UNREADABLE}")


def _images(training: _Training, items: Sequence[Item]) -> TrainingImages:
    method = training.run.method
    backbone = method.context.backbone
    return TrainingImages.load(
        training.source, items, method.image_size, backbone.preprocessing, device=backbone.device
    )


def _oracle(training: _Training) -> Row:
    """The test accuracy of an epoch, computed only where it is asked for."""
    source = training.source
    scored = evaluate(training.run.method, source, source.splits.get("test", ()))
    return {ORACLE: float((scored.predicted == scored.labels).float().mean())}


def _both(on_epoch: OnEpoch, board: events.Events | None) -> OnEpoch:
    """Call TensorBoard, where it is used, and then the caller's function."""

    def done(row: Row, epochs: int) -> None:
        if board is not None:
            board.epoch(row)
        on_epoch(row, epochs)

    return done
