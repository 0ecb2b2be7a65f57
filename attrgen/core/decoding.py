"""One guarded block around every decoder: what it raises becomes the user's error, with the file's name.

A decoder is code of a library that takes a file apart: JSON, images, archives, tensors, databases. Libraries
raise dozens of types for damaged files; a list of them is never complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from attrgen.core.errors import UserError
from attrgen.core.system import OutOfFiles, check_open_files

T = TypeVar("T")
_LONGEST_REASON = 300  # characters of a library's message


@contextmanager
def decoding(file: str | Path, *, what: str, code: str, remedy: str) -> Iterator[None]:
    """Whatever the block raises means that the file is damaged.

    The block should have nothing in it but the decoder and what takes its result apart, so that no bug is
    taken for a damaged file. A `UserError` passes.

    Args:
        what: what is wrong, before the library's reason: "not a whole safetensors file".

    Raises:
        UserError: the block failed.
        OutOfFiles: because no more files can be opened.
    """
    try:
        yield
    except (UserError, OutOfFiles, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # libraries in Rust panic with a BaseException
        check_open_files(error)
        raise UserError(f"{what}: {reason_of(error)}", code=code, file=file, remedy=remedy) from error


def cached(read: Callable[[], T]) -> T | None:
    """What `read` gives of a cache file; None where it is absent or damaged: it can be made again."""
    try:
        return read()
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException:  # as above
        return None


def reason_of(error: BaseException) -> str:
    """The first line of an error's message, for a person who does not know the library."""
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return lines[0][:_LONGEST_REASON] if lines else type(error).__name__
