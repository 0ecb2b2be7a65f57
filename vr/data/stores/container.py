"""What holds many images: a folder, a zip or tar archive, or a Parquet table; on disk or in an object store.

An image in a container is named by both, as in `shards/0001.tar/scan.png` and `table.parquet/000012`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from vr.data.formats.file_tree import FolderTree, ZipTree
from vr.data.stores import remote
from vr.data.stores.parquet import ParquetTable
from vr.data.stores.tar import TarTree

SUFFIXES = (".tar", ".zip", ".parquet")
_OPEN_CONTAINERS = 16  # kept open: consecutive images are mostly in the same one


class Container(Protocol):
    """Files by their relative POSIX names, in sorted order; hidden ones are left out."""

    @property
    def names(self) -> Sequence[str]: ...

    def read(self, name: str) -> bytes: ...

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a file."""

    def path_of(self, name: str) -> str:
        """The file as messages and tables name it."""


def container_at(path: str) -> Container | None:
    """The container at a path or URL; None where there is a single file, or nothing.

    Raises:
        UserError: it is damaged or cannot be reached, or a package that reads it is not installed.
    """
    if path.lower().endswith(SUFFIXES) and (remote.is_url(path) or Path(path).is_file()):
        _remote_states.pop(path, None)  # it may have been replaced since an earlier command of this process
        return _opened(path)
    if remote.is_url(path):
        return remote.RemoteTree(path) if remote.is_folder(path) else None
    return FolderTree(Path(path)) if Path(path).is_dir() else None


def in_container(path: str) -> tuple[Container, str] | None:
    """The archive or table that a path goes through, and the name in it; None for a plain file."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        above = "/".join(parts[:count])
        if above.lower().endswith(SUFFIXES) and (remote.is_url(path) or Path(above).is_file()):
            return _opened(above), "/".join(parts[count:])
    return None


_remote_states: dict[str, str] = {}  # by URL; asking the store for every image would be slow


def _opened(path: str) -> Container:
    """An archive or a table, opened once as long as it does not change."""
    if remote.is_url(path):
        if path not in _remote_states:
            _remote_states[path] = remote.state(path)
        return _opened_as_it_was(path, _remote_states[path])
    now = Path(path).stat()
    return _opened_as_it_was(path, f"{now.st_mtime_ns} {now.st_size} {now.st_ino}")


@lru_cache(maxsize=_OPEN_CONTAINERS)
def _opened_as_it_was(path: str, state: str) -> Container:
    suffix = path[path.rindex(".") :].lower()
    if suffix == ".tar":
        return TarTree(path)
    if suffix == ".parquet":
        return ParquetTable(path)
    return ZipTree(Path(path)) if not remote.is_url(path) else remote.RemoteZip(path)
