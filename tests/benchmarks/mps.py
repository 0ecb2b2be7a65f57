"""NVIDIA's Multi-Process Service, started for a measurement and stopped after it.

Without it, the kernels of several processes take turns on a GPU; with it, they run side by side.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = "nvidia-cuda-mps-control"
SECONDS = 20  # to start, to answer, to stop


@contextmanager
def multi_process_service(folder: Path) -> Iterator[dict[str, str] | None]:
    """The environment of its clients; None where it is not here or does not start.

    Its pipes and logs are in `folder`, so that another one on this machine is left alone.
    """
    environment = {
        "CUDA_MPS_PIPE_DIRECTORY": str(folder / "p"),
        "CUDA_MPS_LOG_DIRECTORY": str(folder / "log"),
    }
    if not started(environment):
        yield None
        return
    try:
        yield environment
    finally:
        asked("quit", environment)


def started(environment: dict[str, str]) -> bool:
    """Whether the service runs with this environment from now on."""
    if shutil.which(PROGRAM) is None:
        return False
    for path in environment.values():
        Path(path).mkdir(parents=True, exist_ok=True)
    quiet = subprocess.DEVNULL  # a pipe would stay open as long as the service runs
    try:
        command = [PROGRAM, "-d"]
        ended = subprocess.run(
            command, env={**os.environ, **environment}, stdout=quiet, stderr=quiet, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


def serves(environment: dict[str, str]) -> bool:
    """Whether processes have used it."""
    return bool(asked("get_server_list", environment).strip())


def asked(command: str, environment: dict[str, str]) -> str:
    """The service's answer; empty where it gives none in time."""
    try:
        ended = subprocess.run(
            [PROGRAM], input=f"{command}\n", env={**os.environ, **environment}, capture_output=True,
            text=True, timeout=SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout
