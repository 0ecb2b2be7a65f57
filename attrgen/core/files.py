"""Files are read with clear errors and written atomically."""

from __future__ import annotations

import glob
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from attrgen.core.errors import UserError
from attrgen.core.system import check_open_files

_UNFINISHED = ".partial-"  # in the names of temporary files
_LEFTOVER_SECONDS = 3600.0  # a temporary file that is older belongs to a process that was killed
LARGEST_TEXT = 2**25  # bytes (32 MiB) of a file that a person may write: a card, a set, a template
LARGEST_TABLE = 2**30  # bytes (1 GiB) of a file with a row per image


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends without an error.

    A failing block, a full disk or a killed process leaves `path` as it was. Where `path` is a symbolic link,
    the file that it points to is replaced.

    Raises:
        UserError: the folder cannot be made or written, the disk is full, or `path` is no regular file.
    """
    temporary: Path | None = None
    target = path
    try:
        target = Path(os.path.realpath(path))
        _require_regular(target, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name}{_UNFINISHED}", suffix=target.suffix or ".tmp"
        )
        os.close(handle)
        temporary = Path(name)
        mode = _mode(target)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(mode)
        temporary.replace(target)
        temporary = None
        remove_leftovers(target.parent, target.name, older_than=_LEFTOVER_SECONDS)
    except OSError as error:
        if not _concerns(error, target):
            raise  # the block failed on some other file
        raise unwritable(path, error) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def expanded(path: str | Path) -> Path:
    """A path with `~` and `~NAME` replaced by the home folder.

    Raises:
        UserError: there is no such home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(
            "there is no such home folder",
            code="file-no-home",
            file=path,
            remedy="Write the path without '~'.",
        ) from error


def unwritable(path: Path, error: OSError) -> UserError:
    """The error of a file or folder that cannot be written."""
    return UserError(
        f"cannot be written: {error.strerror or error}",
        code="file-unwritable",
        file=path,
        remedy="Nothing was changed. Free space or choose another path, then run the same command again.",
    )


def remove_leftovers(folder: Path, name: str = "", *, older_than: float = 0.0) -> None:
    """Remove temporary files that killed processes left behind.

    Args:
        name: of the file that was to be written; by default of any file in the folder.
        older_than: seconds; younger ones are kept, because their process may be writing.
    """
    pattern = f".{glob.escape(name)}{_UNFINISHED}*" if name else f".*{_UNFINISHED}*"
    oldest = time.time() - older_than
    with suppress(OSError):
        for leftover in list(folder.glob(pattern)):
            if leftover.lstat().st_mtime <= oldest:
                leftover.unlink(missing_ok=True)


def _require_regular(target: Path, path: Path) -> None:
    """Refuse devices, pipes and folders: to rename a file to their name would replace them."""
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise UserError(
            "is not a regular file",
            code="file-not-regular",
            file=path,
            remedy="Name a file to write, not a folder or a device.",
        )


def _concerns(error: OSError, target: Path) -> bool:
    """Whether an error is one of the file, of its temporary file or of their folders."""
    if error.filename is None:
        return True
    name = Path(os.fsdecode(error.filename))
    return name.parent == target.parent or name in (target.parent, *target.parent.parents)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with `whole_file`; what UTF-8 cannot hold (see `readable`) is escaped."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes with `whole_file`."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def read_bytes(
    path: Path, *, what: str, missing: str = "Check the path.", largest: int = LARGEST_TEXT
) -> bytes:
    """Read a regular file.

    Args:
        what: what the file should be, for messages: "attribute set", "dataset card".
        missing: the remedy where there is none.
        largest: bytes that such a file can have.

    Raises:
        UserError: there is no such file, it cannot be read, it is a device or a pipe, or it is too large.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > largest:
                raise UserError(
                    f"has {size / 2**20:,.0f} MiB, and a {what} has at most {largest / 2**20:,.0f} MiB",
                    code="file-too-large",
                    file=path,
                    remedy="Check that it is the right file, or split it.",
                )
            return file.read(size)  # not `largest`, for which memory would be set aside
    except FileNotFoundError as error:
        raise UserError(f"there is no such {what}", code="file-missing", file=path, remedy=missing) from error
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise UserError(
            f"cannot be read: {getattr(error, 'strerror', None) or error}",
            code="file-unreadable",
            file=path,
            remedy="Check the path and its permissions.",
        ) from error


def read_text(path: Path, *, what: str, missing: str = "Check the path.", largest: int = LARGEST_TEXT) -> str:
    """Read UTF-8 text (a byte-order mark is dropped); arguments as for `read_bytes`.

    Raises:
        UserError: as for `read_bytes`, or it is not UTF-8.
    """
    try:
        return read_bytes(path, what=what, missing=missing, largest=largest).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(
            f"not UTF-8 text (byte 0x{error.object[error.start]:02x})",
            code="file-not-utf8",
            file=path,
            line=line,
            remedy="Save the file as UTF-8.",
        ) from error


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """The file, open for reading.

    Raises:
        OSError: it cannot be opened.
        OutOfFiles: no more files can be opened.
        UserError: it is a device, a pipe or a socket, whose content may never end.
    """

    def opener(name: str, flags: int) -> int:  # a pipe that nobody writes would be waited for
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    try:
        opened = open(path, "rb", opener=opener)  # noqa: SIM115
    except OSError as error:
        check_open_files(error)
        raise
    with opened as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UserError(
                "is a device, a pipe or a socket, not a file",
                code="file-not-regular",
                file=path,
                remedy="Save its content in a file, and name that.",
            )
        yield file


def entries(folder: Path) -> list[Path]:
    """What a folder holds; nothing where there is none, or none any more."""
    with suppress(FileNotFoundError):
        return list(folder.iterdir())
    return []


def _mode(file: Path) -> int:
    """The permissions of a file, or of a new one where there is none (any more)."""
    try:
        return file.stat().st_mode & 0o777
    except FileNotFoundError:
        return 0o666 & ~_umask()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
