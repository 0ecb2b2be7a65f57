"""A path at which a collection may be."""

from __future__ import annotations

import zipfile
from functools import cached_property
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.schema.folder_card import only_folder
from vr.data.formats.file_tree import FileTree, FolderTree, SubTree, ZipTree


class Location:
    """A path, and the tree of files there, which is walked when it is first needed.

    Raises:
        UserError: it is neither a folder nor a regular file.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and not path.is_dir() and not path.is_file():
            raise UserError(
                "is a device, a pipe or a socket, not a file",
                code="file-not-regular",
                file=path,
                remedy="Name a folder or a file of images.",
            )
        self.path = path

    @cached_property
    def has_tree(self) -> bool:
        """Whether it is a folder or a zip archive."""
        return self.path.is_dir() or self.path.suffix.lower() == ".zip" or zipfile.is_zipfile(self.path)

    @cached_property
    def tree(self) -> FileTree:
        """The tree at the path, below folders that hold nothing but one other folder (as zips often have).

        Raises:
            UserError: it is neither a folder nor a zip archive.
        """
        if not self.has_tree:
            raise UserError(
                "neither a folder nor a zip archive",
                code="data-no-files",
                file=self.path,
                remedy="Check the path.",
            )
        tree: FileTree = FolderTree(self.path) if self.path.is_dir() else ZipTree(self.path)
        while (only := only_folder(tree.names)) is not None:
            tree = SubTree(tree, only)
        return tree

    @cached_property
    def top_names(self) -> tuple[str, ...]:
        """Names of the files at the top of the tree; none where there is no tree."""
        return tuple(name for name in self.tree.names if "/" not in name) if self.has_tree else ()
