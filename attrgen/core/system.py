"""What the operating system refuses, as an error that says so and what to do about it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from attrgen.core.errors import UserError

_REMEDIES = {
    errno.ENOSPC: "Free space, then run the same command again.",
    errno.EDQUOT: "Free space, or ask for a larger quota, then run the same command again.",
    errno.EFBIG: "Raise the limit of the size of files (`ulimit -f`), then run the same command again.",
    errno.EMFILE: "Raise the limit of open files (`ulimit -n 1024`), then run the same command again.",
    errno.ENFILE: "Close other programs, then run the same command again.",
    errno.EACCES: "Check the permissions.",
    errno.EPERM: "Check the permissions.",
    errno.EROFS: "Choose a folder that can be written.",
    errno.ENAMETOOLONG: "Choose a shorter path.",
    errno.ELOOP: "Correct the symbolic links.",
}
_OTHERWISE = "Check the path and the disk, then run the same command again."
_MEMORY = "Close other programs, raise the limit (`ulimit -v`), or give smaller batches or fewer jobs."
# torch and the interpreter have no types for these; their words are the only sign.
_OUT_OF_MEMORY = (
    "can't allocate memory",
    "cannot allocate memory",
    "can't start new thread",
    "bad_alloc",
    "could not create a primitive",  # oneDNN
)
_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE)


class OutOfFiles(Exception):
    """No more files can be opened: this says nothing of the file that it happened to.

    It is no `UserError`, so that nobody takes the file for damaged and leaves it out.
    """


def check_open_files(error: BaseException) -> None:
    """Check that an error is of a file, not of how many are open.

    Raises:
        OutOfFiles: no more files can be opened.
    """
    if isinstance(error, OSError) and error.errno in _OUT_OF_FILES:
        raise OutOfFiles from error


def refused(error: BaseException) -> UserError | None:
    """The error as one of the user's; None where it is a bug."""
    if isinstance(error, OutOfFiles) and error.__cause__ is not None:
        return refused(error.__cause__)
    if _is_of_memory(error):
        return UserError("there is not enough memory", code="system-memory", remedy=_MEMORY)
    if isinstance(error, OSError) and error.errno is not None:
        return _of_system(error)
    if isinstance(error, ImportError) and not isinstance(error, ModuleNotFoundError):
        return UserError(
            f"a library cannot be loaded: {error}",
            code="system-library",
            remedy="Close other programs if memory is short; else install the package again.",
        )
    return None


def _of_system(error: OSError) -> UserError:
    if error.errno == errno.ENOENT and _folder_is_gone():
        return UserError(
            "the working folder does not exist any more",
            code="system-no-working-folder",
            remedy="Change to another folder.",
        )
    reason = error.strerror or type(error).__name__
    file = None if error.filename is None else os.fsdecode(error.filename)
    return UserError(
        f"the system refuses: {reason}" if file is None else f"cannot be used: {reason}",
        code="system-refused",
        file=file,
        remedy=_REMEDIES.get(error.errno or 0, _OTHERWISE),
    )


def _folder_is_gone() -> bool:
    try:
        Path.cwd()
    except OSError:
        return True
    return False


def _is_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    words = str(error).casefold() if isinstance(error, (RuntimeError, ImportError)) else ""
    return any(sign in words for sign in _OUT_OF_MEMORY)
