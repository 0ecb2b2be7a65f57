"""torch and open_clip imported in a thread, while the program reads images."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

# Both threads need these: imported before, so that neither waits for the other.
_FIRST = ("numpy", "PIL.Image")
_HEAVY = ("torch", "open_clip")


@contextmanager
def loading_torch() -> Iterator[None]:
    """Import what takes seconds in the background; at the end of the block it is there.

    An error of the import is not raised here: the program meets it again at its own import.
    """
    for name in _FIRST:
        importlib.import_module(name)
    thread = Thread(target=_import, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _import() -> None:
    try:
        for name in _HEAVY:
            importlib.import_module(name)
    except Exception:
        return
