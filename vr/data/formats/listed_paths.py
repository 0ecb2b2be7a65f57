"""From the image that a table names to the file: by path, without suffix, or by the file's name alone."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import PurePosixPath

from attrgen.core.errors import UserError
from attrgen.schema.folder_card import image_files
from attrgen.schema.image_names import IMAGE_SUFFIXES
from vr.data.formats.file_tree import FileTree
from vr.data.formats.left_out import listed


class ListedPaths:
    """The files of a tree, as tables name them.

    A path counts in either Unicode form (NFC or NFD), with slashes or backslashes, and with or without the
    name of the collection's folder in front. An image may also be named without its suffix or its folder, as
    long as only one image has that name.
    """

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree
        self._files = {_form(name): name for name in tree.names}
        self.by_name = 0  # how many were found by the name of the file alone
        self.by_end: list[str] = []  # those that absolute paths were found to mean

    def find(self, named: str) -> str | None:
        """The file that a table names; None if there is none.

        Raises:
            UserError: several images have that name.
        """
        path = _form(named.replace("\\", "/").removeprefix("./"))
        if path in self._files:
            return self._files[path]
        without_root = path.removeprefix(f"{_form(self._tree.root.name)}/")
        for candidate in (without_root, *self._with_suffixes(path), *self._with_suffixes(without_root)):
            if candidate in self._files:
                return self._files[candidate]
        return self._by_file_name(path)

    def find_by_end(self, named: str) -> str | None:
        """The file that an absolute path means, of this computer or another: by its longest end; else None.

        Raises:
            UserError: several images have that name.
        """
        parts = PurePosixPath(named.replace("\\", "/")).parts
        if ".." in parts or "\0" in named:
            return None
        by_name = self.by_name
        for start in range(1, len(parts)):
            path = self.find("/".join(parts[start:]))
            if path is not None:
                self.by_name = by_name
                self.by_end.append(path)
                return path
        return None

    def _with_suffixes(self, path: str) -> list[str]:
        return [f"{path}{suffix}" for suffix in self._suffixes]

    @cached_property
    def _suffixes(self) -> tuple[str, ...]:
        """Suffixes of images that occur, as they are spelled."""
        spelled = {PurePosixPath(name).suffix for name in self._tree.names}
        return tuple(sorted(suffix for suffix in spelled if suffix.lower() in IMAGE_SUFFIXES))

    @cached_property
    def _by_last_name(self) -> dict[str, list[str]]:
        """Images by the last part of their path, with and without suffix."""
        images: defaultdict[str, list[str]] = defaultdict(list)
        for name in image_files(self._tree):
            last = PurePosixPath(_form(name))
            for spelling in {last.name, last.stem}:
                images[spelling].append(name)
        return images

    def _by_file_name(self, path: str) -> str | None:
        if "/" in path:
            return None
        images: Sequence[str] = self._by_last_name.get(path, ())
        if len(images) > 1:
            raise UserError(
                f"'{path}' may be any of {len(images)} images: {listed(images)}",
                code="manifest-ambiguous-image",
                remedy="Write the path of the image below the table's folder.",
            )
        self.by_name += len(images)
        return images[0] if images else None


def _form(path: str) -> str:
    return unicodedata.normalize("NFC", path)
