"""How far a sweep is: read from its run directories alone, from any machine, whichever launcher runs it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from attrgen.core.locks import is_locked
from vr.runs import run as runs
from vr.training.sweep.cell import Cell

_RECENT = 3600.0  # seconds over which the pace is measured


@dataclass(frozen=True)
class Status:
    """Cells by what their directories show; `pace` is cells per hour over the last hour, 0 if none ended."""

    finished: tuple[Cell, ...]
    running: tuple[Cell, ...]
    unfinished: tuple[Cell, ...]
    failed: tuple[Cell, ...]
    absent: tuple[Cell, ...]
    pace: float

    @property
    def hours_left(self) -> float | None:
        """Hours until all cells are finished, at the pace of the last hour."""
        remaining = len(self.running) + len(self.unfinished) + len(self.absent)
        return remaining / self.pace if self.pace else None

    def lines(self) -> list[str]:
        """The status for a person."""
        total = sum(map(len, (self.finished, self.running, self.unfinished, self.failed, self.absent)))
        lines = [
            f"{len(self.finished)} of {total} cells finished, {len(self.running)} running, "
            f"{len(self.unfinished)} stopped, {len(self.failed)} failed, {len(self.absent)} not started"
        ]
        if self.running and self.hours_left is not None:
            lines.append(f"{self.pace:.0f} cells per hour; {self.hours_left:.1f} hours left at this pace")
        return [*lines, *(f"running    {cell.name}, {cell.path}" for cell in self.running)]


def status(cells: Sequence[Cell]) -> Status:
    """The status of cells as `inspect` has just seen them."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        is_running = cell.state in ("unfinished", "absent") and is_locked(cell.path)
        groups.setdefault("running" if is_running else cell.state, []).append(cell)
    finished = groups.get("finished", [])

    def group(state: str) -> tuple[Cell, ...]:
        return tuple(groups.get(state, ()))

    return Status(
        finished=tuple(finished),
        running=group("running"),
        unfinished=group("unfinished"),
        failed=group("failed"),
        absent=group("absent"),
        pace=_pace(finished),
    )


def _pace(finished: Sequence[Cell]) -> float:
    """Cells per hour, from the times at which the last ones ended."""
    now = time.time()
    times = [(cell.path / runs.METRICS).stat().st_mtime for cell in finished]
    recent = [ended for ended in times if now - ended <= _RECENT]
    if len(recent) < 2:
        return 0.0
    return 3600.0 * len(recent) / max(now - min(recent), 1.0)
