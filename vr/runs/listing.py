"""The run directories below a folder, and the removal of one."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from attrgen.core.decoding import cached
from attrgen.core.errors import UserError
from attrgen.core.files import entries, read_text
from vr.runs import run as runs
from vr.runs.naming import label_of
from vr.runs.unreadable import UNREADABLE

State = Literal["finished", "unfinished", "damaged"]
# What the program writes into a run directory; anything else there is the user's.
WRITTEN = (
    *(runs.CONFIG, runs.FEWSHOT, runs.ATTRIBUTES, runs.CHECKPOINT, runs.MODEL, runs.METRICS),
    *(runs.PREDICTIONS, runs.REPORT, runs.HISTORY, runs.CALIBRATION, runs.RISK_CSV, runs.RISK_PNG),
    *(UNREADABLE, "error.json", "README.md", runs.OPERATING_POINT, runs.ROC_CSV, runs.PR_CSV),
)
_EVENTS = "events.out.tfevents."
SPLITS = ("train", "val", "test")  # folders of other splits' results


@dataclass(frozen=True)
class Listed:
    """A run directory as a table shows it; `accuracy` in [0, 1] where it was measured; `bytes` on disk."""

    path: Path
    state: State
    dataset: str = ""
    label: str = ""
    backbone: str = ""
    shots: int = 0
    seed: int = 0
    accuracy: float | None = None
    bytes: int = 0


def listed(root: Path) -> Iterator[Listed]:
    """Every run directory at or below `root`, sorted by path."""
    for file in sorted(root.rglob(runs.CONFIG)):
        yield _listed(file.parent)


def _listed(path: Path) -> Listed:
    size = sum(map(_bytes, entries(path)))
    try:
        config = runs.read_config(path)
        measured = (path / runs.METRICS).is_file()
        metrics = runs.read_metrics(path) if measured else None
        accuracy = None if metrics is None else float(metrics["overall"]["accuracy"])
    except (UserError, KeyError, TypeError):
        return Listed(path, "damaged", bytes=size)
    return Listed(
        path,
        "finished" if measured else "unfinished",
        dataset=config.card.name,
        label=label_of(config),
        backbone=Path(config.backbone.name).name,
        shots=config.shots,
        seed=config.seed,
        accuracy=accuracy,
        bytes=size,
    )


def files_of(path: Path) -> tuple[list[Path], list[Path]]:
    """The files of a run directory: those that the program wrote, and those that it did not.

    Raises:
        UserError: not a run directory.
    """
    if path.is_symlink() or not path.is_dir() or not _is_config(path / runs.CONFIG):
        raise UserError(
            "not a run directory, so nothing is removed",
            code="run-not-a-run",
            file=path,
            remedy=f"A run directory has a {runs.CONFIG} that training wrote.",
        )
    files = sorted(file for file in path.rglob("*") if file.is_symlink() or not file.is_dir())
    written = [file for file in files if _is_written(file, path)]
    return written, [file for file in files if file not in written]


def remove(path: Path) -> list[Path]:
    """Remove what the program wrote into a run directory, then the folders that are empty; the files left.

    Raises:
        UserError: not a run directory.
    """
    written, kept = files_of(path)
    written.sort(key=lambda file: file == path / runs.CONFIG)  # last: an interrupted removal can be repeated
    for file in written:
        file.unlink(missing_ok=True)
    for folder in (*(path / split for split in SPLITS), path):
        with suppress(OSError):  # it is not there, or not empty
            folder.rmdir()
    return kept


def _bytes(file: Path) -> int:
    """The size of a file; 0 of anything else, and where it was just removed, as while a run is written."""
    with suppress(FileNotFoundError):
        status = file.stat()
        return status.st_size if stat.S_ISREG(status.st_mode) else 0
    return 0


def _is_config(file: Path) -> bool:
    """Whether a file is a run's configuration, in any version."""
    value = cached(lambda: json.loads(read_text(file, what="run configuration")))
    return isinstance(value, dict) and str(value.get("format", "")).startswith("run/")


def _is_written(file: Path, path: Path) -> bool:
    known = file.name in WRITTEN or file.name.startswith(_EVENTS)
    return (
        known
        and not file.is_symlink()
        and (file.parent == path or (file.parent.parent == path and file.parent.name in SPLITS))
    )
