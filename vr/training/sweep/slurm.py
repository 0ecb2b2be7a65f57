"""A sweep as one array job of Slurm: written, submitted, and left to it; its state is in the run directories.

Each task runs one or several cells. Before its time limit it writes a checkpoint and puts itself back into
the queue; see `vr.training.sweep.task`.
"""

from __future__ import annotations

import math
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import Field

from attrgen.core.errors import UserError
from attrgen.core.files import write_text
from attrgen.core.validation import Strict, read_toml
from vr.training.sweep.cell import Cell

FOLDER = ".slurm"  # in the folder of the runs
_LARGEST_ARRAY = 1000  # where Slurm does not say


class SlurmSettings(Strict):
    """The TOML file of `--slurm`; what it leaves out is the cluster's default."""

    partition: str | None = Field(None, description="where the tasks run")
    account: str | None = Field(None, description="who pays")
    qos: str | None = Field(None, description="quality of service")
    time: str | None = Field(None, description="limit of a task, such as 04:00:00 or 90 (minutes)")
    memory: str | None = Field(None, description="of a task, such as 16G")
    cpus: int = Field(2, ge=1, description="CPUs of a task")
    gpus: int | str | None = Field(None, description="GPUs of a task: 1, or a100:1")
    cells_per_task: int = Field(1, ge=1, description="cells that a task runs, one after the other")
    at_once: int | None = Field(None, ge=1, description="most tasks at the same time")
    seconds_to_stop: int = Field(
        120, ge=1, description="seconds before the time limit at which a task stops with a checkpoint"
    )
    prologue: list[str] = Field(
        default_factory=list, description="lines of shell before the program, such as module load cuda"
    )
    options: list[str] = Field(default_factory=list, description="more options of sbatch: --exclude=node7")


@dataclass(frozen=True)
class Submission:
    """An array job: its number, its tasks, and the folder with its script and logs."""

    job: str
    tasks: int
    folder: Path


def read_settings(path: Path | None) -> SlurmSettings:
    """The settings of a TOML file, or the cluster's defaults.

    Raises:
        UserError: not TOML, an unknown key or a wrong value.
    """
    if path is None:
        return SlurmSettings()
    return read_toml(SlurmSettings, path, what="file of Slurm settings", code="slurm")


def submit(cells: Sequence[Cell], settings: SlurmSettings) -> Submission:
    """Write the array job of these cells and hand it to sbatch.

    Raises:
        UserError: Slurm is not here, or refuses the job.
    """
    require_slurm()
    runs = cells[0].asked.runs.absolute()
    folder = runs / FOLDER / datetime.now().strftime("%Y-%m-%d-%H%M%S-%f")
    lines = (cell.asked.model_dump_json() for cell in cells)
    write_text(folder / "cells.jsonl", "".join(f"{line}\n" for line in lines))
    per_task = max(settings.cells_per_task, math.ceil(len(cells) / _largest_array()))
    tasks = math.ceil(len(cells) / per_task)
    script = folder / "job.sh"
    write_text(script, job_script(settings, folder, tasks, per_task))
    return Submission(_sbatch(script), tasks, folder)


def job_script(settings: SlurmSettings, folder: Path, tasks: int, per_task: int) -> str:
    """The script of the array job."""
    limit = "" if settings.at_once is None else f"%{settings.at_once}"
    values = {
        "job-name": "vr-sweep",
        "array": f"0-{tasks - 1}{limit}",
        "output": f"{folder}/%a.log",
        "open-mode": "append",
        "chdir": str(Path.cwd()),
        "signal": f"B:USR1@{settings.seconds_to_stop}",
        "partition": settings.partition,
        "account": settings.account,
        "qos": settings.qos,
        "time": settings.time,
        "mem": settings.memory,
        "cpus-per-task": settings.cpus,
        "gpus-per-task": settings.gpus,
        "ntasks": 1,
    }
    options = [f"--{key}={shlex.quote(str(value))}" for key, value in values.items() if value is not None]
    program = shlex.join([sys.executable, "-m", "vr.training.sweep.task", str(folder / "cells.jsonl")])
    # `exec`: the signal before the time limit goes to the shell's process.
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"#SBATCH {option}" for option in [*options, "--requeue", *settings.options]),
            *settings.prologue,
            f'exec {program} "$SLURM_ARRAY_TASK_ID" {per_task}',
            "",
        ]
    )


def require_slurm() -> None:
    """Check that this machine can submit jobs.

    Raises:
        UserError: it has no sbatch.
    """
    if shutil.which("sbatch") is None:
        raise UserError(
            "--on slurm needs sbatch, and it is not on this machine",
            code="slurm-missing",
            remedy="Start the command on a login node of the cluster, or use --on local.",
        )


def _sbatch(script: Path) -> str:
    """Submit a script; the number of the job."""
    ended = subprocess.run(["sbatch", "--parsable", str(script)], capture_output=True, text=True)
    if ended.returncode:
        raise UserError(
            f"sbatch refuses the job: {ended.stderr.strip() or ended.stdout.strip()}",
            code="slurm-refused",
            file=script,
            remedy="Correct the settings of --slurm.",
        )
    return ended.stdout.strip().partition(";")[0]


def _largest_array() -> int:
    """How many tasks an array job may have."""
    try:
        ended = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return _LARGEST_ARRAY
    pairs = (line.partition("=") for line in ended.stdout.splitlines())
    sizes = [value.strip() for key, _, value in pairs if key.strip() == "MaxArraySize"]
    return int(sizes[0]) if sizes and sizes[0].isdigit() and int(sizes[0]) else _LARGEST_ARRAY
