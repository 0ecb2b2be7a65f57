"""`vr` as a process: it ends at once, and loses nothing by it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAST = "at the end\n"
PREPARE = f"""
import atexit, sys, threading, time, types
import vr.cli.program as program
from attrgen.core.command import run
from attrgen.core.errors import UserError
atexit.register(print, {LAST.strip()!r})
class Held:
    def __del__(self):
        print("freed")
held = Held()
"""


def script_of(body: str, *, torch: bool = True) -> str:
    """A program whose command is `body`, with an object that says when Python frees it."""
    lines = ["def command():", *(f"    {line}" for line in body.splitlines())]
    loaded = "sys.modules['torch'] = types.ModuleType('torch')" if torch else ""
    return "\n".join([PREPARE, *lines, loaded, "program.main = lambda: run(command)", "program.program()"])


def ended(body: str, *, torch: bool = True) -> subprocess.CompletedProcess[str]:
    """The process of that program, with an output that is buffered, as where nothing is set."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", script_of(body, torch=torch)],
        capture_output=True,
        text=True,
        timeout=60,
        env=buffered,
    )


def test_what_is_registered_is_called_and_the_output_is_whole() -> None:
    process = ended("print('x' * 1_000_000)")
    assert process.returncode == 0
    assert process.stdout == "x" * 1_000_000 + "\n" + LAST  # and no object is freed


@pytest.mark.parametrize(
    ("body", "status"),
    [("raise UserError('the wall is wet', code='paint-wet')", 2), ("raise KeyboardInterrupt", 130)],
)
def test_the_status_and_the_message_stay(body: str, status: int) -> None:
    process = ended(body)
    assert (process.returncode, process.stdout) == (status, LAST)
    assert process.stderr.startswith(("error: the wall is wet", "interrupted"))


def test_without_torch_python_ends_as_always() -> None:
    assert ended("pass", torch=False).stdout == f"{LAST}freed\n"


def test_a_thread_at_work_is_waited_for() -> None:
    process = ended("threading.Thread(target=lambda: (time.sleep(0.3), print('done'))).start()")
    assert process.returncode == 0
    assert process.stdout == f"done\n{LAST}freed\n"


def test_a_profiler_prints_what_it_saw(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(script_of("pass"))
    process = subprocess.run([sys.executable, "-m", "cProfile", script], capture_output=True, text=True)
    assert process.returncode == 0 and "function calls" in process.stdout


def test_a_bug_keeps_its_traceback() -> None:
    process = ended("raise ZeroDivisionError('a bug')")
    assert process.returncode == 1
    assert "Traceback" in process.stderr and "ZeroDivisionError: a bug" in process.stderr
