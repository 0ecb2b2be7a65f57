"""Libraries that take seconds to import, imported in a thread while the program does something else."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

# A thread and the program both need these: imported before, so that neither waits for the other.
_FIRST = ("numpy", "PIL.Image")
TORCH = ("torch", "open_clip")


@contextmanager
def loading(*names: str) -> Iterator[None]:
    """Import modules in the background; at the end of the block they are there.

    An error of an import is not raised here: the program meets it again at its own import.
    """
    for name in _FIRST:
        importlib.import_module(name)
    thread = Thread(target=_import, args=(names,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _import(names: tuple[str, ...]) -> None:
    try:
        for name in names:
            importlib.import_module(name)
    except Exception:
        return
