"""Runs the cells of a grid, each into its run directory: finished ones are left, broken ones noted.

A few worker processes take cell after cell and keep the loaded backbone, one worker a GPU. Whatever stops a
sweep, every finished cell is whole, and an unfinished one goes on from its checkpoint the next time.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Literal

from attrgen.core.errors import UserError
from attrgen.core.files import write_text
from vr.runs import run as runs
from vr.runs.experiment import Experiment, Resolved, resolve

ERROR = "error.json"
State = Literal["finished", "broken", "unfinished", "absent"]


@dataclass(frozen=True)
class Cell:
    """One experiment of a sweep, where it goes, and what is there already."""

    asked: Experiment
    path: Path
    state: State
    why: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a cell; `error` is empty where it is finished."""

    cell: Cell
    error: str = ""


def look(asked: Experiment) -> Cell:
    """What there is of a cell. One that cannot even be resolved (no images, no attributes) is broken."""
    try:
        resolved = resolve(asked)
    except UserError as error:
        return Cell(asked, asked.out or Path(), "broken", str(error))
    path = resolved.path
    if (path / runs.METRICS).is_file() and (path / runs.CONFIG).is_file():
        differs = _differs(path, resolved)
        if differs:
            return Cell(asked, path, "broken", f"{path} holds a run with other settings: {differs}")
        return Cell(asked, path, "finished")
    if (path / ERROR).is_file():
        return Cell(asked, path, "broken", _read_error(path))
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
        retry: run broken cells again.
        on_outcome: told of each cell as it ends.

    Returns:
        An outcome for each cell that was run. A cell that fails leaves `error.json` in its directory and
        the others go on.

    Raises:
        KeyboardInterrupt: after the workers have written their checkpoints.
    """
    todo = [cell for cell in cells if cell.state in ("absent", "unfinished") or (retry and cell.path.name)]
    todo = [cell for cell in todo if cell.state != "finished"]
    outcomes: list[Outcome] = []

    def ended(cell: Cell, error: str) -> None:
        outcomes.append(Outcome(cell, error))
        on_outcome(outcomes[-1])

    if jobs == 1 or len(todo) < 2:
        for cell in todo:
            ended(cell, _run(cell))
        return outcomes
    context = get_context("spawn")
    slots: Queue[int] = context.Queue()
    for slot in range(jobs):
        slots.put(slot)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(slots, jobs)) as pool:
        waiting: dict[Future[str], Cell] = {pool.submit(_run, cell): cell for cell in todo}
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    ended(waiting.pop(future), _result(future))
        except KeyboardInterrupt:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return outcomes


def _result(future: Future[str]) -> str:
    try:
        return future.result()
    except BrokenProcessPool:
        return "the worker process died (out of memory, or killed); run the sweep again to go on"


_workplace: dict[str, object] = {}


def _start(slots: Queue[int], jobs: int) -> None:
    import torch

    slot = slots.get()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // jobs))
    if torch.cuda.is_available():
        _workplace["device"] = f"cuda:{slot % torch.cuda.device_count()}"


def _run(cell: Cell) -> str:
    from vr.clip.backbone import load
    from vr.runtime.device import resolve_device, resolve_precision
    from vr.training.train import run_experiment

    asked = cell.asked
    if asked.device == "auto" and "device" in _workplace:
        asked = asked.model_copy(update={"device": _workplace["device"]})
    try:
        device = resolve_device(asked.device)
        precision = resolve_precision(asked.precision, device)
        key = (asked.backbone, asked.weights, device, precision)
        if _workplace.get("key") != key:
            _workplace["backbone"] = load(asked.backbone, asked.weights, device=device, precision=precision)
            _workplace["key"] = key
        (cell.path / ERROR).unlink(missing_ok=True)
        run_experiment(asked, resume=True, backbone=_workplace["backbone"])  # type: ignore[arg-type]
    except UserError as error:
        return _note(cell, str(error), "")
    except Exception as error:  # a bug in one cell must not cost the others; its traceback is kept
        return _note(cell, f"{type(error).__name__}: {error}", traceback.format_exc())
    return ""


def _note(cell: Cell, message: str, trace: str) -> str:
    text = json.dumps({"error": message, "traceback": trace.splitlines()}, indent=2, ensure_ascii=False)
    write_text(cell.path / ERROR, text + "\n")
    return message


def _read_error(path: Path) -> str:
    try:
        return str(json.loads((path / ERROR).read_text("utf-8"))["error"])
    except (OSError, ValueError, KeyError):
        return "it failed"


def _differs(path: Path, resolved: Resolved) -> str:
    """What of a finished run is not what is asked, told without loading a backbone."""
    config = runs.read_config(path)
    attributes = None if resolved.attributes is None else resolved.attributes.id
    pairs = {
        "options": (config.options, resolved.options.model_dump(mode="json")),
        "recipe": (config.recipe, resolved.recipe),
        "select": (config.select, resolved.asked.select),
        "attribute set": (None if config.attributes is None else config.attributes.id, attributes),
        "classes": (config.card.class_names, resolved.card.class_names),
        "backbone": (config.backbone.name, resolved.asked.backbone),
    }
    return ", ".join(name for name, (there, asked) in pairs.items() if there != asked)
