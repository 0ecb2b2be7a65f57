"""The shared command line: grouped help, examples, version, exit statuses."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial
from importlib import metadata
from typing import Annotated

import pytest
import typer

from attrgen.core.command import add_command, application, run
from attrgen.core.errors import UserError


def paint(
    file: Annotated[str, typer.Argument(help="What to paint.")] = "wall",
    colour: Annotated[str, typer.Option(help="Colour.", rich_help_panel="Paint")] = "red",
    coats: Annotated[int, typer.Option(help="Layers.", rich_help_panel="Paint")] = 2,
    ladder: Annotated[bool, typer.Option("--ladder", help="Climb.", rich_help_panel="Tools")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing.")] = False,
) -> None:
    """Paint it."""
    if file == "wet":
        raise UserError("the wall is wet", code="paint-wet")
    if file == "stop":
        raise KeyboardInterrupt


LONG = "house paint --colour " + "a-very-long-name-of-a-colour-" * 5


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    app = application("A house.")
    add_command(app, "paint", paint, "house paint door", LONG, group="Outside")
    add_command(app, "plan", lambda: None, "house plan")
    monkeypatch.setattr(sys, "argv", ["house", *words])
    with pytest.raises(SystemExit) as ended:
        run(partial(app, prog_name="house"))
    return int(ended.value.code or 0)


def test_options_are_grouped_in_the_order_of_their_declaration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "paint", "--help") == 0
    lines = capsys.readouterr().out.splitlines()
    titles = [line for line in lines if line and not line.startswith((" ", "Usage"))]
    assert titles == ["Arguments:", "Paint:", "Tools:", "Options:", "Examples:"]
    paint_rows = lines[lines.index("Paint:") + 1 : lines.index("Tools:")]
    assert any("--colour" in row and "red" in row for row in paint_rows)
    assert any("--coats" in row and "2" in row for row in paint_rows)
    assert f"  {LONG}" in lines  # an example is not wrapped


def test_commands_are_grouped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "--help") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[lines.index("Outside:") + 1 :][:1]] == ["paint"]
    assert [line.split()[0] for line in lines[lines.index("Commands:") + 1 :][:1]] == ["plan"]


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def version(name: str) -> str:
        assert name == "biomedvr"
        return "1.2.3"

    monkeypatch.setattr(metadata, "version", version)
    assert call(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == "house 1.2.3\n"


@pytest.mark.parametrize(("word", "status"), [("wet", 2), ("stop", 130), ("door", 0)])
def test_exit_status(monkeypatch: pytest.MonkeyPatch, word: str, status: int) -> None:
    assert call(monkeypatch, "paint", word) == status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_work_ends_the_process_without_a_traceback(number: int) -> None:
    code = f"""
import os
from attrgen.core import command, streams
streams.flush = lambda: os.kill(os.getpid(), {number})
command.run(lambda: None)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == -number
    assert ended.stderr == ""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_an_object_is_freed_is_not_lost(number: int, status: int) -> None:
    code = f"""
import os, signal, time
from attrgen.core import command

signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a tool that measures coverage has its own handler

class Freed:
    def __del__(self):
        os.kill(os.getpid(), {number})

def work():
    Freed()
    time.sleep(30)

command.run(work)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=25)
    assert ended.returncode == status
    assert "Traceback" not in ended.stderr and "ignored" not in ended.stderr


def test_a_signal_that_a_library_swallows_ends_a_loop() -> None:
    code = """
import os, signal, sys
from attrgen.core import command

def work():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        pass
    print("worked", flush=True)
    command.raise_if_stopped()
    print("went on", flush=True)

command.raise_if_stopped()
command.run(work)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (130, "worked\n")
