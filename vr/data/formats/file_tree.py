"""A tree of files, in a folder or in a zip: the same names and the same bytes either way."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from attrgen.core.errors import UserError
from attrgen.schema.folder_card import file_names, only_folder
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

    def place(self, name: str) -> str:
        """The file as messages name it."""

    def stamp(self, name: str) -> str:
        """What changes when the file's content does, told without reading it."""


class FolderTree:
    """A folder on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: tuple[str, ...] = file_names(root)

    def read(self, name: str) -> bytes:
        path = self.root / name
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise _too_large(self.place(name))
            return path.read_bytes()
        except OSError as error:
            raise UserError(f"cannot be read: {error.strerror or error}", file=path) from error

    def head(self, name: str, size: int) -> bytes:
        try:
            with (self.root / name).open("rb") as file:
                return file.read(size)
        except OSError as error:
            raise UserError(f"cannot be read: {error.strerror or error}", file=self.place(name)) from error

    def place(self, name: str) -> str:
        return str(self.root / name)

    def stamp(self, name: str) -> str:
        status = (self.root / name).stat()
        return f"{status.st_size}-{status.st_mtime_ns}"


class ZipTree:
    """A zip archive, read in place; nothing is unpacked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()  # zipfile shares one file position
        try:
            self._archive = zipfile.ZipFile(root)
        except (zipfile.BadZipFile, OSError) as error:
            raise UserError(
                f"not a readable zip archive: {error}", file=root, remedy="Download or make it again."
            ) from error
        entries = [entry for entry in self._archive.infolist() if not entry.is_dir()]
        for entry in entries:
            if not is_inside(entry.filename):
                raise UserError(
                    f"holds '{entry.filename}', which points outside of the archive",
                    file=root,
                    remedy="Such an archive is not safe; get it from somewhere else.",
                )
        visible = [e for e in entries if not any(map(is_hidden, PurePosixPath(e.filename).parts))]
        self._entries = {entry.filename: entry for entry in visible}
        self.names: tuple[str, ...] = tuple(sorted(self._entries))

    def read(self, name: str) -> bytes:
        entry = self._entries.get(name)
        if entry is None:
            raise UserError("there is no such file", file=self.place(name))
        if entry.file_size > MAX_FILE_BYTES:
            raise _too_large(self.place(name))
        return self.head(name, entry.file_size + 1)

    def head(self, name: str, size: int) -> bytes:
        try:
            with self._lock, self._archive.open(self._entries[name]) as stream:
                return stream.read(size)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError) as error:
            raise UserError(f"cannot be read: {error}", file=self.place(name)) from error
        except ValueError as error:  # zlib.error is one in disguise for broken streams
            raise UserError(f"cannot be unpacked: {error}", file=self.place(name)) from error

    def place(self, name: str) -> str:
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

    def place(self, name: str) -> str:
        return self._tree.place(self._prefix + name)

    def stamp(self, name: str) -> str:
        return self._tree.stamp(self._prefix + name)


class Location:
    """A path that a collection may lie at; its tree of files is walked when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def has_tree(self) -> bool:
        """Whether it is a folder or a zip, and not one file of another kind."""
        if self.path.suffix.lower() in (".npz", ".csv", ".parquet"):
            return self.path.is_dir()
        return self.path.is_dir() or self.path.suffix.lower() == ".zip" or zipfile.is_zipfile(self.path)

    @cached_property
    def tree(self) -> FileTree:
        """The tree at the path, below folders that hold nothing but one other folder (as zips often have)."""
        if not self.has_tree:
            raise UserError(
                "not an image collection of a known kind",
                file=self.path,
                remedy="Give a folder, a .zip, an .npz, or a .csv or .parquet manifest.",
            )
        tree: FileTree = FolderTree(self.path) if self.path.is_dir() else ZipTree(self.path)
        while (only := only_folder(tree.names)) is not None:
            tree = SubTree(tree, only)
        return tree


def is_inside(name: str) -> bool:
    """Whether a relative name stays below its root on every system."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    absolute = name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":")
    return bool(parts) and not absolute and ".." not in parts and "\0" not in name


def _too_large(place: str) -> UserError:
    return UserError("larger than 1 GiB, which no single image is", file=place, remedy="Take it out.")
