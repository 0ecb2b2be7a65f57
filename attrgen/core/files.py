"""Files are read with clear errors and written atomically."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrgen.core.errors import UserError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends without an error.

    A failing block, a full disk or a killed process leaves `path` as it was.

    Raises:
        UserError: the folder cannot be made or written, or the disk is full.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix or ".tmp"
        )
        os.close(handle)
        temporary = Path(name)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        own_path = error.filename is None or Path(str(error.filename)) in (path.parent, *path.parent.parents)
        if not own_path and Path(str(error.filename)).parent != path.parent:
            raise  # the block failed on some other file
        raise UserError(
            f"cannot be written: {error.strerror or error}",
            code="file-unwritable",
            file=path,
            remedy="Nothing was changed. Free space or choose another path, then run the same command again.",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with `whole_file`; what UTF-8 cannot hold (see `readable`) is escaped."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes with `whole_file`."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def read_bytes(path: Path, *, what: str, missing: str = "Check the path.") -> bytes:
    """Read a file.

    Args:
        what: what the file should be, for messages: "attribute set", "dataset card".
        missing: the remedy where there is none.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"there is no such {what}", code="file-missing", file=path, remedy=missing) from error
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise UserError(
            f"cannot be read: {getattr(error, 'strerror', None) or error}",
            code="file-unreadable",
            file=path,
            remedy="Check the path and its permissions.",
        ) from error


def read_text(path: Path, *, what: str, missing: str = "Check the path.") -> str:
    """Read UTF-8 text (a byte-order mark is dropped); `what` and `missing` as for `read_bytes`.

    Raises:
        UserError: there is no such file, it cannot be read, or it is not UTF-8.
    """
    try:
        return read_bytes(path, what=what, missing=missing).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(
            f"not UTF-8 text (byte 0x{error.object[error.start]:02x})",
            code="file-not-utf8",
            file=path,
            line=line,
            remedy="Save the file as UTF-8.",
        ) from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
