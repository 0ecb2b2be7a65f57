"""Tar archives, such as the shards of WebDataset, read in place: an index of positions, nothing unpacked."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import IO

from attrgen.core.decoding import decoding
from attrgen.core.errors import UserError
from attrgen.core.names import readable
from attrgen.core.system import check_open_files
from attrgen.schema.image_names import is_hidden
from vr.data.formats.file_tree import MAX_FILE_BYTES, is_inside, too_large
from vr.data.stores import remote


class TarTree:
    """A tar archive on disk or in a store. See `vr.data.stores.container.Container`.

    Files keep the order of the archive, in which they are read fastest; of equal names the last counts, as
    for `tar`.

    Raises:
        UserError: it is damaged, compressed, or holds names that point outside of it.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._members: dict[str, tuple[int, int]] = {}
        with (
            decoding(
                path,
                what="not a tar archive that can be read in place",
                code="tar-unreadable",
                remedy="Restore it; unpack a compressed one first.",
            ),
            _open(path) as file,
            tarfile.open(fileobj=file, mode="r:") as archive,
        ):
            for member in archive:
                self._add(member)
                archive.members = []  # type: ignore[attr-defined]  # the index is here, and smaller
            file.seek(archive.offset)
            if any(last := file.read(tarfile.BLOCKSIZE)) or 0 < len(last) < tarfile.BLOCKSIZE:
                raise EOFError("it is cut short")  # tarfile takes half a header for the end
        self.names: tuple[str, ...] = tuple(self._members)

    def read(self, name: str) -> bytes:
        _, size = self._member(name)
        if size > MAX_FILE_BYTES:
            raise too_large(self.path_of(name))
        return self.head(name, size)

    def head(self, name: str, size: int) -> bytes:
        start, length = self._member(name)
        size = min(size, length)
        if remote.is_url(self._path):
            return remote.read_range(self._path, start, size)
        try:
            with Path(self._path).open("rb") as file:
                file.seek(start)
                return file.read(size)
        except OSError as error:
            check_open_files(error)
            raise UserError(
                f"cannot be read: {error.strerror or error}",
                code="data-unreadable-file",
                file=self.path_of(name),
                remedy="Restore the archive.",
            ) from error

    def path_of(self, name: str) -> str:
        return f"{self._path}/{name}"

    def _add(self, member: tarfile.TarInfo) -> None:
        name = readable(member.name.removeprefix("./"))
        if not member.isreg():
            return
        if not is_inside(name):
            raise UserError(
                f"holds '{name}', which points outside of the archive",
                code="tar-unsafe",
                file=self._path,
                remedy="Such an archive is not safe; get it from a source that you trust.",
            )
        if any(map(is_hidden, name.split("/"))):
            return
        self._members.pop(name, None)
        self._members[name] = member.offset_data, member.size

    def _member(self, name: str) -> tuple[int, int]:
        if name not in self._members:
            raise UserError(
                "there is no such file in the archive",
                code="data-unreadable-file",
                file=self.path_of(name),
                remedy="Check the name.",
            )
        return self._members[name]


def _open(path: str) -> IO[bytes]:
    return remote.open_file(path) if remote.is_url(path) else Path(path).open("rb")
