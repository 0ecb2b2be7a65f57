"""Locks of files and folders that several processes may write; who holds one is written beside it.

The operating system gives a lock back when its process ends, however it ends: a lock file that a killed
process left behind blocks nobody. On file systems without such locks `filelock` goes by the existence of the
file, and takes over one whose process has ended.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from math import isinf
from pathlib import Path
from platform import node
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from attrgen.core.errors import UserError
from attrgen.core.files import remove_leftovers, unwritable

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCKED = "locked"  # code of the error where another process holds a lock
SAVE_SECONDS = 30.0  # to read, change and write a file takes far less
_POLL_SECONDS = 0.1
_ATTEMPTS = 5
_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)

_by_thread = threading.local()


class Holder(BaseModel):
    """The process that holds a lock, as it is written beside it. It names the command without its options."""

    pid: int
    host: str
    command: str
    since: str

    def __str__(self) -> str:
        return f"`{self.command}` (process {self.pid} on {self.host}, since {self.since})"

    @property
    def remedy(self) -> str:
        """How to get the lock."""
        where = "" if self.host == node() else f" on {self.host}"
        return f"Wait for it, or stop it with `kill {self.pid}`{where}, then run the same command again."


@contextmanager
def locked_file(
    path: Path,
    *,
    purpose: str = "",
    wait: float = SAVE_SECONDS,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[None]:
    """Hold the lock of a file while the block runs; a thread that holds it may take it again.

    Args:
        purpose: a word; locks of different purposes do not exclude each other.
        wait: seconds to wait for another process; infinity waits without end.
        say: called with one line if there is somebody to wait for.

    Raises:
        UserError: another process holds it (`LOCKED`), or its folder cannot be written.
    """
    real = Path(os.path.realpath(path))
    name = f".{real.name}.{purpose}.lock" if purpose else f".{real.name}.lock"
    with _held(real.with_name(name), path, wait, say) as outermost:
        if outermost and not purpose:
            remove_leftovers(real.parent, real.name)
        yield


@contextmanager
def locked_folder(
    path: Path, *, wait: float = 0.0, say: Callable[[str], None] = lambda line: None
) -> Iterator[None]:
    """As `locked_file`, for a folder. It is made; if it is empty in the end, it is removed again."""
    real = Path(os.path.realpath(path))
    with _held(real / ".lock", path, wait, say) as outermost:
        if outermost:
            remove_leftovers(real)
        yield


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of a folder now."""
    file = Path(os.path.realpath(path)) / ".lock"
    if not file.is_file():
        return False
    try:
        lock = _tried(file, 0.0)
    except OSError:  # a folder that can be read only
        return False
    if lock is None:
        return True
    lock.release()
    return False


@contextmanager
def _held(file: Path, shown: Path, wait: float, say: Callable[[str], None]) -> Iterator[bool]:
    """Hold a lock; gives false where this thread holds it already."""
    mine: set[Path] = _by_thread.__dict__.setdefault("files", set())
    if file in mine:
        yield False
        return
    with _without_empty_folders(file.parent), _acquired(file, shown, wait, say):
        mine.add(file)
        try:
            yield True
        finally:
            mine.discard(file)


@contextmanager
def _without_empty_folders(path: Path) -> Iterator[None]:
    """Remove a folder and its parents that the block makes and leaves empty."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        yield
    finally:
        with suppress(OSError):  # not empty
            for folder in missing:
                folder.rmdir()


@contextmanager
def _acquired(file: Path, shown: Path, wait: float, say: Callable[[str], None]) -> Iterator[None]:
    try:
        lock = _lock(file, shown, wait, say)
    except OSError as error:
        raise unwritable(shown, error) from error
    if lock is None:
        raise _in_use(shown, _holder(file))
    beside = _beside(file)
    try:
        with suppress(OSError):  # the lock holds without
            beside.write_text(_this_process().model_dump_json(indent=2) + "\n", encoding="utf-8")
        yield
    finally:
        for written in (
            beside,
            file,
        ):  # before the lock is given back: afterwards they are of another process
            with suppress(OSError):
                written.unlink(missing_ok=True)
        with suppress(OSError):
            lock.release()


def _lock(file: Path, shown: Path, wait: float, say: Callable[[str], None]) -> BaseFileLock | None:
    """The lock of a file in a folder that is made; or None where another process held it all the time."""
    for _ in range(_ATTEMPTS):
        with suppress(FileNotFoundError):  # another process removed the folder, which was still empty
            file.parent.mkdir(parents=True, exist_ok=True)
            return _awaited(file, shown, wait, say)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file.parent))


def _awaited(file: Path, shown: Path, wait: float, say: Callable[[str], None]) -> BaseFileLock | None:
    lock = _tried(file, 0.0)
    if lock is None and wait:
        holder = _holder(file)
        say(f"{shown}: waiting for {holder or 'another process'}")
        lock = _tried(file, wait)
    return lock


def _tried(file: Path, wait: float) -> BaseFileLock | None:
    from filelock import FileLock, SoftFileLock, Timeout

    timeout = -1 if isinf(wait) else wait
    try:
        try:
            return _taken(FileLock(file), timeout)
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
            return _taken(SoftFileLock(file), timeout)
    except Timeout:
        return None


def _taken(lock: BaseFileLock, timeout: float) -> BaseFileLock:
    lock.acquire(timeout=timeout, poll_interval=_POLL_SECONDS)
    return lock


def _in_use(shown: Path, holder: Holder | None) -> UserError:
    if holder is None:
        return UserError(
            "another process is writing it", code=LOCKED, file=shown, remedy="Wait for it, or stop it."
        )
    return UserError(f"is in use by {holder}", code=LOCKED, file=shown, remedy=holder.remedy)


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _holder(file: Path) -> Holder | None:
    try:
        return Holder.model_validate_json(_beside(file).read_bytes())
    except (OSError, ValidationError):
        return None


def _this_process() -> Holder:
    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    words = [program, *(word for word in sys.argv[1:2] if word.isalpha())]  # options may hold a secret
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    return Holder(pid=os.getpid(), host=node(), command=" ".join(words), since=since)
