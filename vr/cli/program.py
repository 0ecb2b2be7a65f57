"""`vr` as a process of its own: Python starts and ends it faster than by default."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from typing import NoReturn

from vr.cli import main

# Objects made until the garbage collector looks for cycles, and its rounds until it looks at older ones, too.
# By default the first is 700: while libraries are imported, which make half a million, a fifth of the time.
_COLLECT_AFTER = (10_000, 10, 10)


def program() -> None:
    """The installed command."""
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        main()
    except SystemExit as end:
        if "torch" in sys.modules and isinstance(end.code, int) and not _threads_at_work():
            _end(end.code)
        raise


def _threads_at_work() -> bool:
    """Whether Python would wait for a thread."""
    return any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())


def _end(status: int) -> NoReturn:
    """End the process without freeing each object, which takes more than a second where torch is loaded.

    What asked to be called at the end is called. Files are closed where they are written, and the output has
    been written out: see `attrgen.core.command.run`.
    """
    atexit._run_exitfuncs()
    os._exit(status)
