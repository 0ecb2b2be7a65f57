"""A cell of a sweep: one experiment, its run directory, and the state that the directory shows.

The state of a cell is in its run directory and nowhere else, so that any launcher, from any machine that
sees the directory, knows what remains to be done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from attrgen.core.decoding import cached
from attrgen.core.errors import UserError
from attrgen.core.files import read_text, write_text
from vr.data.sources import opening_once
from vr.runs import run as runs
from vr.runs.experiment import Experiment, Resolved, resolve

ERROR = "error.json"
State = Literal["finished", "failed", "unfinished", "absent"]


@dataclass(frozen=True)
class Cell:
    """One experiment of a sweep, its run directory, and the state of that; `reason` where it failed."""

    asked: Experiment
    path: Path
    state: State
    reason: str = ""

    @property
    def name(self) -> str:
        """The cell in a few words: method, dataset, shots, seed and fold."""
        asked = self.asked
        fold = "" if asked.fold is None else f", fold {asked.fold}"
        dataset = "" if asked.dataset is None else f" on {Path(asked.dataset).stem}"
        return f"{asked.method}{dataset}, {asked.shots} shots, seed {asked.seed}{fold}"


@dataclass(frozen=True)
class Outcome:
    """The result of a cell; `error` is empty where it finished. `elsewhere`: another process runs it."""

    cell: Cell
    error: str = ""
    elsewhere: bool = False


def inspect(asked: Experiment) -> Cell:
    """The state of a cell. One that cannot be resolved (no images, no attributes) has failed."""
    try:
        resolved = resolve(asked)
    except UserError as error:
        return Cell(asked, asked.out or Path(), "failed", str(error))
    path = resolved.path
    if is_finished(path):
        different = _differences(path, resolved)
        if different:
            return Cell(asked, path, "failed", f"{path} holds a run with other settings: {different}")
        # A sweep that was killed before it wrote a report writes it the next time.
        return Cell(asked, path, "finished" if (path / runs.REPORT).is_file() else "unfinished")
    if (path / ERROR).is_file():
        return Cell(asked, path, "failed", read_error(path))
    return Cell(asked, path, "unfinished" if (path / runs.CONFIG).is_file() else "absent")


def inspect_all(asked: Iterable[Experiment]) -> list[Cell]:
    """The states of cells; each collection is opened once."""
    with opening_once():
        return [inspect(experiment) for experiment in asked]


def is_finished(path: Path) -> bool:
    """Whether a run directory is complete."""
    return (path / runs.METRICS).is_file() and (path / runs.CONFIG).is_file()


def is_to_run(cell: Cell, retry: bool) -> bool:
    """Whether a sweep runs this cell; one that failed only with `retry`."""
    if cell.state == "failed":
        return retry and bool(cell.path.name)  # without a path, it cannot even be resolved
    return cell.state != "finished"


def write_error(cell: Cell, message: str, trace: str = "") -> str:
    """Record in the run directory why a cell failed; the message."""
    text = json.dumps({"error": message, "traceback": trace.splitlines()}, indent=2, ensure_ascii=False)
    write_text(cell.path / ERROR, text + "\n")
    return message


def read_error(path: Path) -> str:
    """Why the run in a directory failed."""
    return cached(lambda: str(json.loads(read_text(path / ERROR, what="error"))["error"])) or "it failed"


def _differences(path: Path, resolved: Resolved) -> str:
    """Names of the settings in which a finished run differs, found without loading a backbone."""
    config = runs.read_config(path)
    pairs = {
        "options": (type(resolved.options).of_run(config.options), resolved.options),
        "recipe": (config.recipe, resolved.recipe),
        "select": (config.select, resolved.asked.select),
        "classes": (config.card.class_names, resolved.card.class_names),
        "backbone": (config.backbone.name, resolved.asked.backbone),
        "folds": (None if config.fold is None else config.fold.folds, resolved.asked.folds),
        "limit": (config.limit, resolved.asked.limit),
    }
    if resolved.attributes is not None:  # older runs also recorded a set that their method did not read
        recorded = None if config.attributes is None else config.attributes.id
        pairs["attribute set"] = (recorded, resolved.attributes.id)
    return ", ".join(name for name, (recorded, asked) in pairs.items() if recorded != asked)
