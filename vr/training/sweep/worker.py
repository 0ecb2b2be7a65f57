"""What a process does with a cell, whichever launcher gives it: run it, and keep the backbone."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from attrgen.core.locks import LOCKED
from attrgen.core.system import refused
from vr.runs.experiment import Experiment
from vr.runs.history import Row
from vr.training.sweep.cell import ERROR, Cell, Outcome, write_error

if TYPE_CHECKING:
    from vr.clip.backbone import Backbone


@dataclass
class _Worker:
    """What a process keeps from cell to cell."""

    device: str | None = None
    backbone: Backbone | None = None
    key: tuple[object, ...] | None = None
    collections: ExitStack = field(default_factory=ExitStack)


_worker = _Worker()


def set_up(*, threads: int, gpu: int) -> None:
    """Prepare this process: its CPU threads, and its GPU by number, counted around those that there are."""
    import torch

    from vr.data.loading.kept import keep
    from vr.data.sources import opening_once

    keep()  # cells read the same images
    _worker.collections.enter_context(opening_once())  # until the process ends
    torch.set_num_threads(max(1, threads))
    if torch.cuda.is_available():
        _worker.device = f"cuda:{gpu % torch.cuda.device_count()}"


def run_cell(cell: Cell, stopped: Callable[[], bool] = lambda: False, *, report: bool = True) -> Outcome:
    """Run a cell, unless another process runs it.

    Args:
        stopped: asked after each epoch; if it says yes, the cell ends with a checkpoint.
        report: also write its report; `report_cell` can write it later.

    Raises:
        KeyboardInterrupt: after the checkpoint was written.
    """
    from vr.training.train import run_experiment

    def on_epoch(row: Row, epochs: int) -> None:
        if stopped():
            raise KeyboardInterrupt

    asked = cell.asked
    if asked.device == "auto" and _worker.device is not None:
        asked = asked.model_copy(update={"device": _worker.device})
    try:
        backbone = _backbone(asked)
        (cell.path / ERROR).unlink(missing_ok=True)
        run_experiment(asked, resume=True, backbone=backbone, on_epoch=on_epoch, report=report)
    except UserError as error:
        if error.code == LOCKED:
            return Outcome(cell, str(error), elsewhere=True)
        return Outcome(cell, write_error(cell, str(error)))
    except Exception as error:  # a bug in one cell must not stop the others; its traceback is kept
        if (refusal := refused(error)) is not None:
            return Outcome(cell, write_error(cell, str(refusal)))
        message = write_error(cell, f"{type(error).__name__}: {error}", traceback.format_exc())
        return Outcome(cell, message)
    return Outcome(cell)


def report_cell(cell: Cell) -> None:
    """Write the report of a finished cell.

    Raises:
        UserError: the run directory or its images have changed.
    """
    from vr.report.run_report import write_report
    from vr.runs.images import open_images
    from vr.runs.run import load_run

    run = load_run(cell.path, device=_worker.device or "cpu", loaded=_worker.backbone)
    write_report(cell.path, run=run, source=open_images(run.config))


def _backbone(asked: Experiment) -> Backbone:
    """The backbone of a cell, loaded once per process as long as cells ask for the same."""
    from vr.clip.backbone import load
    from vr.clip.kept_features import KeptFeatures
    from vr.runtime.device import resolve_device, resolve_precision

    device = resolve_device(asked.device)
    precision = resolve_precision(asked.precision, device)
    key = (asked.backbone, asked.weights, device, precision)
    if _worker.backbone is None or _worker.key != key:
        loaded = load(asked.backbone, asked.weights, device=device, precision=precision)
        _worker.backbone = replace(loaded, kept=KeptFeatures())  # cells encode the same images
        _worker.key = key
    return _worker.backbone
