"""`vr train`: one experiment from beginning to end, into its run directory.

Everything that a user can have mistyped is checked before torch is loaded, which takes seconds. The test set
is opened only after training, unless the test-selected `oracle` is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrgen.core.locks import locked_folder
from vr.runs.experiment import Experiment, Resolved, Say, resolve, silent
from vr.runs.history import Row
from vr.runs.run import Run
from vr.runtime.preloading import TORCH, loading
from vr.training import events, run_folder, sample

if TYPE_CHECKING:
    from vr.clip.backbone import Backbone

CHECKPOINT_SECONDS = 10.0


def run_experiment(
    asked: Experiment,
    *,
    resume: bool = False,
    fresh: bool = False,
    say: Say = silent,
    on_epoch: Callable[[Row, int], None] = lambda row, epochs: None,
    on_evaluated: Callable[[int], None] = lambda count: None,
    backbone: Backbone | None = None,
    on_resolved: Callable[[Resolved], None] = lambda resolved: None,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    tensorboard: bool = False,
    report: bool = True,
) -> Run:
    """Train, save and evaluate; the run directory is complete afterwards.

    Args:
        resume, fresh: continue an unfinished run (a finished one is loaded); replace an existing run.
        on_epoch, on_evaluated: called with an epoch's row and the number of epochs; with counts of images.
        backbone: an already loaded one, used where it is the one asked for.
        on_resolved: called with everything that the names stand for, before the backbone is loaded.
        checkpoint_every: seconds between checkpoints; 0 writes one after every epoch.
        tensorboard: also write TensorBoard events into the run directory.
        report: also write the report; without, the run directory is complete but for it.

    Raises:
        UserError: as for `resolve`, and: a run exists already, another process trains it (code "locked"), a
            loss that is not finite, no disk space.
    """
    resume = resume and not fresh
    resolved = _checked(asked, say, resume=resume, fresh=fresh, tensorboard=tensorboard)
    with locked_folder(resolved.path):
        run_folder.check_free(resolved.path, resume=resume, fresh=fresh)  # as it is now
        with loading(*TORCH):
            on_resolved(resolved)
            images = sample.experiment_images(resolved, say)
        from vr.training.execution import execute

        return execute(
            resolved,
            images,
            resume=resume,
            say=say,
            on_epoch=on_epoch,
            on_evaluated=on_evaluated,
            backbone=backbone,
            checkpoint_every=checkpoint_every,
            tensorboard=tensorboard,
            report=report,
        )


def _checked(asked: Experiment, say: Say, *, resume: bool, fresh: bool, tensorboard: bool) -> Resolved:
    """The experiment resolved, its run directory free, with enough training images; torch is not loaded."""
    if tensorboard:
        events.check_installed()
    resolved = resolve(asked, say)
    run_folder.check_free(resolved.path, resume=resume, fresh=fresh)
    sample.check_enough(resolved)
    return resolved
