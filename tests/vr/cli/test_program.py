"""`vr` as a process: it ends at once, and loses nothing by it."""

from __future__ import annotations

import subprocess
import sys

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


def ended(body: str, *, torch: bool = True) -> subprocess.CompletedProcess[str]:
    """A process whose command is `body`, with an object that says when Python frees it."""
    lines = ["def command():", *(f"    {line}" for line in body.splitlines())]
    loaded = "sys.modules['torch'] = types.ModuleType('torch')" if torch else ""
    code = "\n".join([PREPARE, *lines, loaded, "program.main = lambda: run(command)", "program.program()"])
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


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


def test_a_bug_keeps_its_traceback() -> None:
    process = ended("raise ZeroDivisionError('a bug')")
    assert process.returncode == 1
    assert "Traceback" in process.stderr and "ZeroDivisionError: a bug" in process.stderr
