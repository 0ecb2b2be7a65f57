"""Standard output and error: closed, full, in any encoding, and without control characters for a terminal."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from contextlib import suppress
from typing import IO, Any

from attrgen.core.secrets import masked

_ERRORS = "attrgen-printed"  # name of the codec error handler
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_CONTROL_BUT_COLOURS = re.compile(rf"(\x1b\[[0-9;]*m)|{_CONTROL.pattern}")
_CONTROL_BUT_BARS = re.compile(rf"(\x1b\[[0-9;]*m|\x1b\[A|\r)|{_CONTROL.pattern}")


def printable(text: str) -> str:
    """Text of a server or a file for the terminal: control characters and lone surrogates are escaped."""
    return _CONTROL.sub(_escaped, text)


def unfiltered(stream: IO[str]) -> IO[str]:
    """What is below a filtered stream, for whoever moves the cursor: bars and tables."""
    return stream.below if isinstance(stream, _Filtered) else stream


def prepare() -> None:
    """Make the standard streams fit for anything that is printed.

    Closed ones are opened on the null device, for else the next file would get their number, and whatever a
    library prints would go into it. Characters that a stream cannot hold are escaped.
    """
    codecs.register_error(_ERRORS, _encoded)
    _open_descriptors()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for the whole process
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors=_ERRORS)
        if not isinstance(stream, _Filtered):
            pattern = _CONTROL_BUT_BARS if name == "stderr" else _CONTROL_BUT_COLOURS
            stream = _Filtered(stream, pattern if _is_terminal(stream) else None)
        setattr(sys, name, stream)


def flush() -> OSError | None:
    """Write out what is buffered; the error where that is impossible. Then nothing more is written."""
    failure = None
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except (OSError, ValueError) as error:  # ValueError: it was closed
            failure = failure or (error if isinstance(error, OSError) else None)
            _discard(name)
    return failure


def complain(text: str) -> None:
    """Print a line on standard error, if there is one."""
    with suppress(OSError, ValueError):
        print(printable(text), file=sys.stderr, flush=True)


class _Filtered:
    """A stream that shows no secrets; and a terminal that texts cannot control.

    To a terminal, only line breaks, colours and what bars need pass; to files and pipes, all characters.
    """

    def __init__(self, below: Any, pattern: re.Pattern[str] | None) -> None:
        self.below = below
        self._pattern = pattern

    def write(self, text: str) -> int:
        """Write text with secrets masked, and for a terminal with control characters escaped."""
        shown = masked(text)
        if self._pattern is not None:
            shown = self._pattern.sub(lambda match: match[1] or _escaped(match), shown)
        self.below.write(shown)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def _encoded(error: UnicodeError) -> tuple[str | bytes, int]:
    """A codec error handler: bytes of file names as they are, other characters as escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    with suppress(UnicodeEncodeError):
        return characters.encode("ascii", "surrogateescape"), error.end
    return characters.encode("ascii", "backslashreplace"), error.end


def _open_descriptors() -> None:
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # the lowest free number is the closed one


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False


def _discard(name: str) -> None:
    """Let a stream lead to the null device, so that the process ends without another error."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), getattr(sys, name).fileno())
        getattr(sys, name).flush()
