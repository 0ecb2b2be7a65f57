"""`vr` as a process of its own: Python starts and ends it faster than by default."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from typing import NoReturn

from attrgen.core import streams
from vr.cli import main

# Objects made until the garbage collector looks for cycles, and its rounds until it looks at older ones, too.
# The first is 700 in Python 3.12, and collecting then takes a fifth of the time of importing torch.
_COLLECT_AFTER = (10_000, 10, 10)


def program() -> None:
    """The installed command."""
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        main()
    except SystemExit as end:
        if "torch" in sys.modules and isinstance(end.code, int) and not _is_awaited():
            _end(end.code)
        raise


def _is_awaited() -> bool:
    """Whether something comes after the program: a thread at work, or a profiler that will print."""
    others = (thread for thread in threading.enumerate() if thread is not threading.main_thread())
    return any(not thread.daemon for thread in others) or bool(sys.getprofile() or sys.gettrace())


def _end(status: int) -> NoReturn:
    """End the process without freeing each object, which takes more than a second where torch is loaded.

    What asked to be called at the end is called. Files are closed where they are written.
    """
    atexit._run_exitfuncs()
    streams.flush()
    os._exit(status)
