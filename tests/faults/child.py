"""A command in a forked child: its output, how it ended, and whether it hung."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

STOPPED_BY = (signal.SIGINT, signal.SIGTERM)
IDLE = 10.0  # seconds without any work after which a command hangs; time on the wall grows on a busy machine
BUSY = 60.0  # seconds of processor time after which it never ends
WATCHED = 0.5  # seconds between two looks at the processor time


@dataclass(frozen=True)
class End:
    """How a command ended.

    Attributes:
        status: its exit status; of a killed one minus the signal's number.
    """

    status: int
    output: str
    seconds: float
    hung: bool = False


def ran(
    words: Sequence[str],
    folder: Path,
    *,
    before: Callable[[], None] = lambda: None,
    strike: Callable[[int, float], None] = lambda pid, seconds: None,
) -> End:
    """Run a command line in a folder.

    Args:
        before: called in the child before the command.
        strike: called in the parent again and again while the child runs, with its process and its age.
    """
    output = folder.with_name(f"{folder.name}.output")
    output.touch()
    sys.stdout.flush()
    began = time.monotonic()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPED_BY)  # until the child is in its `try`
    pid = os.fork()
    if pid == 0:
        _command(words, folder, output, before)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPED_BY)
    with suppress(OSError):  # the child does the same; it may have ended
        os.setpgid(pid, pid)
    work, looked, worked, hung = 0.0, began, began, False
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        now = time.monotonic()
        if ended:
            break
        strike(pid, now - began)
        if now - looked > WATCHED and not hung:
            looked = now
            if (spent := processor_seconds(pid)) > work:
                work, worked = spent, now
            if hung := now - worked > IDLE or work > BUSY:
                _end_group(pid, patience=0.0)
        time.sleep(0.002)
    age = now - began
    _end_group(pid)
    code = os.waitstatus_to_exitcode(status)
    return End(code, output.read_text("utf-8", "replace"), age, hung)


def processor_seconds(group: int) -> float:
    """The processor time of the processes of a group that run, and of children that they waited for."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it may have ended
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
            if int(fields[2]) == group:
                ticks += sum(map(int, fields[11:15]))  # user and system, its own and its children's
    return ticks / os.sysconf("SC_CLK_TCK")


def _command(words: Sequence[str], folder: Path, output: Path, before: Callable[[], None]) -> None:
    """In the child: never returns."""
    status = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPED_BY)
        os.chdir(folder)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)
        reopen_outputs()
        sys.argv = list(words)
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(1)  # renews its pool, which two threads at once cannot after a fork
        before()
        if words[0] == "vr":
            from vr.cli import main
        else:
            from attrgen.cli import main
        main()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except KeyboardInterrupt:
        status = 130  # before the command began
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(status)


def reopen_outputs(encoding: str = "utf-8") -> None:
    """Python's streams of what the descriptors 1 and 2 lead to now, as at the start of a process."""
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115


def _end_group(pid: int, patience: float = 1.5) -> None:
    """End workers that outlive their parent; those of a sweep end within a second."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, 0)
        time.sleep(patience)
        os.killpg(pid, signal.SIGKILL)
