"""A tree of files, in a folder or in a zip: the same names and the same bytes either way."""

from __future__ import annotations

import os
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from attrgen.core.decoding import decoding
from attrgen.core.errors import UserError
from attrgen.core.files import open_regular
from attrgen.schema.folder_card import file_names
from attrgen.schema.image_names import is_hidden

MAX_FILE_BYTES = 2**30


class FileTree(Protocol):
    """Files below a root, by their relative POSIX names in sorted order; hidden files are left out."""

    @property
    def root(self) -> Path: ...

    @property
    def names(self) -> Sequence[str]: ...

    def read(self, name: str) -> bytes: ...

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a file."""

    def path_of(self, name: str) -> str:
        """The file as messages name it."""

    def stamp(self, name: str) -> str:
        """A text that changes with the file's content: its size and time, or its checksum."""


class FolderTree:
    """A folder on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._paths = file_names(root)
        self.names: tuple[str, ...] = tuple(self._paths)

    def read(self, name: str) -> bytes:
        return read_image_file(self.file(name), self.path_of(name))

    def head(self, name: str, size: int) -> bytes:
        try:
            with open_regular(self.file(name)) as file:
                return file.read(size)
        except OSError as error:
            raise _unreadable(self.path_of(name), error.strerror or error) from error

    def path_of(self, name: str) -> str:
        return str(self.root / name)

    def file(self, name: str) -> Path:
        """The file's path on disk, which may have bytes that no text has."""
        return self._paths.get(name, self.root / name)

    def stamp(self, name: str) -> str:
        return file_stamp(self.file(name), self.path_of(name))


def file_stamp(path: Path, name: str) -> str:
    """Size and time of a file; `name` is what messages call it.

    Raises:
        UserError: it cannot be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(name, error.strerror or error) from error
    return f"{status.st_size}-{status.st_mtime_ns}"


def read_image_file(path: Path, name: str) -> bytes:
    """The bytes of a regular file; a pipe or a device would never end.

    Args:
        name: of the file, for messages.

    Raises:
        UserError: it cannot be read, is no file, or is larger than an image can be.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                raise too_large(name)
            return file.read(size)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise _unreadable(name, getattr(error, "strerror", None) or error) from error


class ZipTree:
    """A zip archive, read in place; nothing is unpacked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()  # zipfile shares one file position
        with decoding(
            root,
            what="not a readable zip archive",
            code="zip-unreadable",
            remedy="Download or make it again.",
        ):
            self._archive = zipfile.ZipFile(root)
            entries = [entry for entry in self._archive.infolist() if not entry.is_dir()]
        for entry in entries:
            if not is_inside(entry.filename):
                raise UserError(
                    f"holds '{entry.filename}', which points outside of the archive",
                    code="zip-unsafe",
                    file=root,
                    remedy="Such an archive is not safe; download it from a source that you trust.",
                )
        # Some programs on Windows write backslashes into archives.
        named = {entry.filename.replace("\\", "/"): entry for entry in entries}
        self._entries = {
            name: entry for name, entry in named.items() if not any(map(is_hidden, name.split("/")))
        }
        self.names: tuple[str, ...] = tuple(sorted(self._entries))

    def read(self, name: str) -> bytes:
        entry = self._entries.get(name)
        if entry is None:
            raise _unreadable(self.path_of(name), "there is no such file")
        if entry.file_size > MAX_FILE_BYTES:
            raise too_large(self.path_of(name))
        return self.head(name, entry.file_size + 1)

    def head(self, name: str, size: int) -> bytes:
        with (
            decoding(
                self.path_of(name),
                what="cannot be read",
                code="data-unreadable-file",
                remedy="Restore it or remove it.",
            ),
            self._lock,
            self._archive.open(self._entries[name]) as stream,
        ):
            return stream.read(size)

    def path_of(self, name: str) -> str:
        return f"{self.root}/{name}"

    def stamp(self, name: str) -> str:
        return f"{self._entries[name].file_size}-{self._entries[name].CRC:08x}"


class SubTree:
    """The part of a tree below one of its folders."""

    def __init__(self, tree: FileTree, folder: str) -> None:
        self._tree, self._prefix = tree, f"{folder}/"
        self.root = tree.root / folder
        self.names: tuple[str, ...] = tuple(
            name.removeprefix(self._prefix) for name in tree.names if name.startswith(self._prefix)
        )

    def read(self, name: str) -> bytes:
        return self._tree.read(self._prefix + name)

    def head(self, name: str, size: int) -> bytes:
        return self._tree.head(self._prefix + name, size)

    def path_of(self, name: str) -> str:
        return self._tree.path_of(self._prefix + name)

    def stamp(self, name: str) -> str:
        return self._tree.stamp(self._prefix + name)


def is_inside(name: str) -> bool:
    """Whether a relative name stays below its root on every system."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    absolute = name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":")
    return bool(parts) and not absolute and ".." not in parts and "\0" not in name


def too_large(file: str | Path) -> UserError:
    """The error of a file that is larger than an image can be."""
    return UserError(
        "larger than 1 GiB, which no single image is",
        code="data-file-too-large",
        file=file,
        remedy="Remove it.",
    )


def _unreadable(file: str, reason: object) -> UserError:
    return UserError(
        f"cannot be read: {reason}", code="data-unreadable-file", file=file, remedy="Restore it or remove it."
    )
