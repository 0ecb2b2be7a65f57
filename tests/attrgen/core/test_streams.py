"""Standard streams that are closed, full or a terminal, and what the system refuses: no traceback."""

from __future__ import annotations

import errno
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from attrgen.core import streams
from attrgen.core.system import refused

PROGRAM = """
import sys, os
from attrgen.core.command import run
from attrgen.core.errors import UserError
def main():
    {body}
run(main)
"""


def _environment() -> dict[str, str]:
    """That of this process, but programs are not measured: coverage would take their SIGTERM."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def ran(body: str, redirect: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """A program that does `body`, started by a shell with a redirection; exit status and output."""
    return subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {redirect}', sys.executable, PROGRAM.format(body=body)],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        env={**_environment(), **environment},
        timeout=60,
    )


def test_a_full_output_is_told_and_exits_2() -> None:
    result = ran("print('x' * 100)", "> /dev/full")
    assert result.returncode == 2
    assert "[system-refused]" in result.stderr and "Traceback" not in result.stderr


def test_closed_streams_hurt_nobody(tmp_path: Path) -> None:
    file = tmp_path / "first"
    body = f"print('lost'); open({str(file)!r}, 'w').write('mine'); os.write(1, b'not in the file')"
    assert ran(body, ">&-").returncode == 0
    assert file.read_text() == "mine"
    assert ran("raise UserError('no', code='x')", ">&- 2>&-").returncode == 2
    assert ran("raise UserError('no', code='x')", "2> /dev/full").returncode == 2


def test_a_reader_that_has_enough_is_no_error() -> None:
    result = ran("print('line\\n' * 100000)", "| head -1; exit ${PIPESTATUS[0]}")
    assert (result.returncode, result.stdout, result.stderr) == (141, "line\n", "")


def test_any_character_in_any_encoding() -> None:
    body = "print('caf\\u00e9 \\udcff \\ud800')"
    assert ran(body, PYTHONIOENCODING="ascii").stdout == "caf\\xe9 \udcff \\ud800\n"
    assert ran(body, PYTHONIOENCODING="utf-8").stdout == "café \udcff \\ud800\n"


def test_a_terminal_is_not_controlled_by_texts() -> None:
    terminal, end = pty.openpty()
    body = "print('\\x1b[2J\\x1b]0;owned\\x07 \\x1b[1mbold\\x1b[0m'); raise UserError('\\x1b[2Jno', code='x')"
    process = subprocess.run([sys.executable, "-c", PROGRAM.format(body=body)], stdout=end, stderr=end)
    os.close(end)
    written = os.read(terminal, 4096).decode()
    os.close(terminal)
    assert process.returncode == 2
    assert "\x1b[2J" not in written and "\x1b]0;" not in written and "\x07" not in written
    assert "\\x1b[2J" in written and "\x1b[1mbold\x1b[0m" in written


@pytest.mark.parametrize(
    ("name", "status", "word"), [("TERM", 143, "terminated"), ("INT", 130, "interrupted")]
)
def test_signals_are_told_with_and_without_typer(name: str, status: int, word: str) -> None:
    body = f"import signal; os.kill(os.getpid(), signal.SIG{name}); print('never')"
    plain = ran(body)
    assert (plain.returncode, plain.stdout, plain.stderr) == (status, "", f"{word}\n")
    typed = ran(f"import typer; app = typer.Typer(); app.command()(lambda: exec({body!r})); app()")
    assert (typed.returncode, typed.stdout, typed.stderr.strip()) == (status, "", word)


@pytest.mark.parametrize("error", ["RuntimeError", "lambda text: UserError(text, code='x')"])
def test_an_interruption_that_a_library_turns_into_an_error(error: str) -> None:
    body = f"""
    import signal
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt as stop:
        raise ({error})("Error building a validator") from stop
"""
    result = ran(body)
    assert (result.returncode, result.stderr) == (130, "interrupted\n")


def test_a_reader_that_has_enough_of_a_command() -> None:
    body = "import typer; app = typer.Typer(); app.command()(lambda: print('line\\n' * 100000)); app()"
    result = ran(body, "| head -1; exit ${PIPESTATUS[0]}")
    assert (result.returncode, result.stdout, result.stderr) == (141, "line\n", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a"), "system-refused"),
        (OSError(errno.EMFILE, "Too many open files", b"\xff"), "system-refused"),
        (MemoryError(), "system-memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "system-memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "system-memory"),
        (RuntimeError("can't start new thread"), "system-memory"),
        (ImportError("libtorch.so: failed to map segment from shared object"), "system-library"),
    ],
)
def test_what_the_system_refuses_is_an_error_of_the_user(error: Exception, code: str) -> None:
    refusal = refused(error)
    assert refusal is not None and refusal.code == code


@pytest.mark.parametrize("error", [RuntimeError("bug"), ValueError(), ModuleNotFoundError(), OSError("x")])
def test_a_bug_is_none(error: Exception) -> None:
    assert refused(error) is None


def test_a_deleted_working_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    refusal = refused(FileNotFoundError(errno.ENOENT, "No such file or directory"))
    assert refusal is not None and refusal.code == "system-no-working-folder"


def test_printable_keeps_lines_and_escapes_the_rest() -> None:
    assert streams.printable("a\n\tb\x1b[1m\r\x9b\u202e\ud800") == "a\n\tb\\x1b[1m\\r\\x9b\\u202e\\ud800"


def test_a_stream_that_is_no_terminal_gets_all_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", text := io.StringIO())
    streams.prepare()
    print("\x1b[2J\x07", end="")
    assert text.getvalue() == "\x1b[2J\x07" and streams.unfiltered(sys.stdout) is text
