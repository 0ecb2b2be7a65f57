"""How the cache stores text, and nothing but text: see `attrgen.llm.cache_database`."""

from __future__ import annotations

from typing import Any

import diskcache
from diskcache.core import MODE_RAW

_LARGEST = 2**30  # characters; keeps every value inside the database instead of in a file named by it


class Refused(ValueError):
    """A key or value in the database that is not text; it was not decoded."""


class TextDisk(diskcache.Disk):
    """Stores `str` keys and values as SQLite text. Nothing is ever pickled or unpickled."""

    def __init__(self, directory: str, **settings: Any) -> None:
        super().__init__(directory, **{**settings, "min_file_size": _LARGEST})
        self.min_file_size = _LARGEST

    def put(self, key: Any) -> tuple[Any, bool]:
        if type(key) is not str:
            raise Refused(f"a key must be str, not {type(key).__name__}")
        return key, True

    def get(self, key: Any, raw: bool) -> str:
        if not raw or type(key) is not str:
            raise Refused("a key is not text")
        return key

    def store(self, value: Any, read: bool, key: Any = diskcache.UNKNOWN) -> tuple[int, int, None, str]:
        if read or type(value) is not str:
            raise Refused(f"a value must be str, not {type(value).__name__}")
        return 0, MODE_RAW, None, value

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> str:
        if read or mode != MODE_RAW or filename is not None or type(value) is not str:
            raise Refused("a value is not text")
        return value

    def remove(self, file_path: str) -> None:
        """Remove nothing: no value is in a file, so a row that names one was planted."""
