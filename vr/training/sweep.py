"""Runs the cells of a grid, each into its run directory; finished ones are skipped, failed ones noted.

A few worker processes take cell after cell and keep the loaded backbone, one worker per GPU. Whatever stops a
sweep, every finished cell is complete, and an unfinished one continues from its checkpoint the next time.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrgen.core.errors import UserError
from attrgen.core.files import write_text
from vr.runs import run as runs
from vr.runs.experiment import Experiment, Resolved, resolve

if TYPE_CHECKING:
    from vr.clip.backbone import Backbone

ERROR = "error.json"
State = Literal["finished", "failed", "unfinished", "absent"]


@dataclass(frozen=True)
class Cell:
    """One experiment of a sweep, its run directory, and the state of that; `reason` where it failed."""

    asked: Experiment
    path: Path
    state: State
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """The result of a cell; `error` is empty where it finished."""

    cell: Cell
    error: str = ""


def inspect(asked: Experiment) -> Cell:
    """The state of a cell. One that cannot be resolved (no images, no attributes) has failed."""
    try:
        resolved = resolve(asked)
    except UserError as error:
        return Cell(asked, asked.out or Path(), "failed", str(error))
    path = resolved.path
    if (path / runs.METRICS).is_file() and (path / runs.CONFIG).is_file():
        different = _differences(path, resolved)
        if different:
            return Cell(asked, path, "failed", f"{path} holds a run with other settings: {different}")
        return Cell(asked, path, "finished")
    if (path / ERROR).is_file():
        return Cell(asked, path, "failed", _read_error(path))
    return Cell(asked, path, "unfinished" if (path / runs.CONFIG).is_file() else "absent")


def sweep(
    cells: Sequence[Cell],
    *,
    jobs: int,
    retry: bool = False,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Run every cell that is not finished.

    Args:
        jobs: worker processes, which take the GPUs in turn; 1 runs the cells in this process.
        retry: run failed cells again.
        on_outcome: called with each outcome.

    Returns:
        An outcome for each cell that was run. A cell that fails leaves `error.json` in its directory and
        the others are run.

    Raises:
        KeyboardInterrupt: after the workers have written their checkpoints.
    """
    outcomes: list[Outcome] = []
    to_run = [cell for cell in cells if _is_to_run(cell, retry)]
    for cell, error in _run_here(to_run) if jobs == 1 or len(to_run) < 2 else _run_in_workers(to_run, jobs):
        outcomes.append(Outcome(cell, error))
        on_outcome(outcomes[-1])
    return outcomes


def _is_to_run(cell: Cell, retry: bool) -> bool:
    if cell.state == "failed":
        return retry and bool(cell.path.name)  # without a path, it cannot even be resolved
    return cell.state != "finished"


def _run_here(cells: Sequence[Cell]) -> Iterator[tuple[Cell, str]]:
    for cell in cells:
        yield cell, _run(cell)


def _run_in_workers(cells: Sequence[Cell], jobs: int) -> Iterator[tuple[Cell, str]]:
    """Cells and their errors, in the order in which they end."""
    context = get_context("spawn")
    slots: Queue[int] = context.Queue()
    for slot in range(jobs):
        slots.put(slot)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(slots, jobs)) as pool:
        waiting: dict[Future[str], Cell] = {pool.submit(_run, cell): cell for cell in cells}
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), _result(future)
        except KeyboardInterrupt:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _result(future: Future[str]) -> str:
    try:
        return future.result()
    except BrokenProcessPool:
        return "the worker process died (out of memory, or killed); run the sweep again to continue"


@dataclass
class _Worker:
    """What a process keeps from cell to cell."""

    device: str | None = None
    backbone: Backbone | None = None
    key: tuple[object, ...] | None = None


_worker = _Worker()


def _start(slots: Queue[int], jobs: int) -> None:
    import torch

    slot = slots.get()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // jobs))
    if torch.cuda.is_available():
        _worker.device = f"cuda:{slot % torch.cuda.device_count()}"


def _run(cell: Cell) -> str:
    """Run a cell; its error, or nothing."""
    from vr.training.train import run_experiment

    asked = cell.asked
    if asked.device == "auto" and _worker.device is not None:
        asked = asked.model_copy(update={"device": _worker.device})
    try:
        backbone = _backbone(asked)
        (cell.path / ERROR).unlink(missing_ok=True)
        run_experiment(asked, resume=True, backbone=backbone)
    except UserError as error:
        return _note(cell, str(error), "")
    except Exception as error:  # a bug in one cell must not stop the others; its traceback is kept
        return _note(cell, f"{type(error).__name__}: {error}", traceback.format_exc())
    return ""


def _backbone(asked: Experiment) -> Backbone:
    """The backbone of a cell, loaded once per process as long as cells ask for the same."""
    from vr.clip.backbone import load
    from vr.runtime.device import resolve_device, resolve_precision

    device = resolve_device(asked.device)
    precision = resolve_precision(asked.precision, device)
    key = (asked.backbone, asked.weights, device, precision)
    if _worker.backbone is None or _worker.key != key:
        _worker.backbone = load(asked.backbone, asked.weights, device=device, precision=precision)
        _worker.key = key
    return _worker.backbone


def _note(cell: Cell, message: str, trace: str) -> str:
    text = json.dumps({"error": message, "traceback": trace.splitlines()}, indent=2, ensure_ascii=False)
    write_text(cell.path / ERROR, text + "\n")
    return message


def _read_error(path: Path) -> str:
    try:
        return str(json.loads((path / ERROR).read_text("utf-8"))["error"])
    except (OSError, ValueError, KeyError):
        return "it failed"


def _differences(path: Path, resolved: Resolved) -> str:
    """Names of the settings in which a finished run differs, found without loading a backbone."""
    config = runs.read_config(path)
    attributes = None if resolved.attributes is None else resolved.attributes.id
    pairs = {
        "options": (config.options, resolved.options.model_dump(mode="json")),
        "recipe": (config.recipe, resolved.recipe),
        "select": (config.select, resolved.asked.select),
        "attribute set": (None if config.attributes is None else config.attributes.id, attributes),
        "classes": (config.card.class_names, resolved.card.class_names),
        "backbone": (config.backbone.name, resolved.asked.backbone),
        "folds": (None if config.fold is None else config.fold.folds, resolved.asked.folds),
    }
    return ", ".join(name for name, (recorded, asked) in pairs.items() if recorded != asked)
