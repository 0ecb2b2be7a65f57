"""Locks: one process at a time, who holds it, and what a killed process leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import pytest

from attrgen.core import locks
from attrgen.core.errors import UserError
from attrgen.core.locks import locked_file, locked_folder

HOLD = """
import sys
from pathlib import Path
from attrgen.core.locks import locked_file, locked_folder
sys.argv = ["/usr/bin/attrgen", "build", "--base-url", "https://me:secret@host"]
with {lock}(Path(sys.stdin.readline().strip())):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def other_process(path: Path, lock: str = "locked_file") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is killed or the block ends."""
    command = [sys.executable, "-c", HOLD.format(lock=lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "held\n"
        yield process


def test_another_process_is_named_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    with other_process(path) as process:
        with pytest.raises(UserError) as caught, locked_file(path, wait=0):
            pass
        assert caught.value.code == locks.LOCKED
        assert caught.value.file == str(path)
        assert f"attrgen build` (process {process.pid} on" in str(caught.value)
        assert f"kill {process.pid}" in caught.value.remedy
        beside = (tmp_path / ".set.json.lock.json").read_text()
    assert "secret" not in beside and json.loads(beside)["pid"] == process.pid
    assert not list(tmp_path.iterdir())


def test_a_killed_process_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    with other_process(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (tmp_path / ".set.json.lock").exists()
        with locked_file(path, wait=0):
            holder = locks._holder(tmp_path / ".set.json.lock")
            assert holder is not None and holder.pid == os.getpid()
    assert not list(tmp_path.iterdir())


def test_who_waits_says_so_and_goes_on(tmp_path: Path) -> None:
    path, lines = tmp_path / "set.json", []
    with other_process(path) as process:

        def release(line: str) -> None:
            lines.append(line)
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()

        with locked_file(path, wait=60, say=release):
            pass
    assert len(lines) == 1 and f"process {process.pid}" in lines[0]


def test_two_spellings_of_a_path_are_one_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    with other_process(tmp_path / "link" / "set.json"):
        with pytest.raises(UserError) as caught, locked_file(Path("set.json"), wait=0):
            pass
        assert caught.value.code == locks.LOCKED


def test_purposes_do_not_exclude_each_other_nor_does_a_thread_itself(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    with other_process(path), locked_file(path, purpose="build", wait=0):
        with locked_file(path, purpose="build", wait=0):
            pass
        with pytest.raises(UserError), locked_file(path, wait=0):
            pass


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    codes = []

    def attempt() -> None:
        try:
            with locked_file(tmp_path / "set.json", wait=0):
                pass
        except UserError as error:
            codes.append(error.code)

    with locked_file(tmp_path / "set.json"):
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    assert codes == [locks.LOCKED]


def test_a_folder_is_made_and_an_empty_one_removed(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "one"
    with locked_folder(run):
        assert run.is_dir()
    assert not list(tmp_path.iterdir())
    with locked_folder(run):
        (run / "config.json").write_text("{}")
        (run / ".config.json.partial-abc.json").write_text("{")
        with locked_folder(run):  # taken again: nothing is removed below the holder
            assert (run / ".config.json.partial-abc.json").exists()
    with locked_folder(run):
        assert not (run / ".config.json.partial-abc.json").exists()
    assert [path.name for path in run.iterdir()] == ["config.json"]


def test_a_folder_in_use_is_named(tmp_path: Path) -> None:
    with other_process(tmp_path / "run", "locked_folder"):
        with pytest.raises(UserError) as caught, locked_folder(tmp_path / "run"):
            pass
        assert caught.value.code == locks.LOCKED


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError) as caught, locked_folder(tmp_path / "file" / "run"):
        pass
    assert caught.value.code == "file-unwritable"
    assert (tmp_path / "file").read_text() == "mine"


def test_without_locks_of_the_file_system_the_file_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    import filelock

    def unsupported(self: object, *args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", unsupported)
    path = tmp_path / "set.json"
    with locked_file(path, wait=0):
        thread_codes = []

        def attempt() -> None:
            try:
                with locked_file(path, wait=0):
                    pass
            except UserError as error:
                thread_codes.append(error.code)

        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
        assert thread_codes == [locks.LOCKED]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_another_process_removes_before_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had made the folder, wrote nothing into it, and removes it at its end."""
    original = filelock.FileLock.acquire
    removed: list[Path] = []

    def acquire(lock: filelock.BaseFileLock, **options: Any) -> Any:
        folder = Path(lock.lock_file).parent
        if not removed:
            folder.rmdir()
            removed.append(folder)
            raise FileNotFoundError(lock.lock_file)
        return original(lock, **options)

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    with locked_folder(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()
    assert removed == [tmp_path / "run"] and not removed[0].exists()
