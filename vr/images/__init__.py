"""Images in, whatever they come in: `open_source` finds the format by looking."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from attrgen.card import Card
from attrgen.errors import UserError
from vr.images import coop, folder
from vr.images.files import FileTree, open_tree
from vr.images.source import SPLITS, ImageSource, Item

__all__ = ["FORMATS", "SPLITS", "ImageSource", "Item", "data_root", "open_source"]

PHANTOM = "kidney-phantom"


@dataclass(frozen=True)
class Format:
    """One way in which collections come: how it is recognised and opened."""

    looks: Callable[[FileTree, Card], bool]
    open: Callable[[FileTree, Card], ImageSource]


# In the order in which they are tried: the more explicit ones first.
FORMATS: dict[str, Format] = {
    "coop": Format(coop.looks, coop.open_coop),
    "folder": Format(folder.looks, folder.open_folder),
}


def data_root() -> Path:
    """Where collections are looked for by their card's name: `VR_DATA`, else `datasets/` in the working folder."""
    return Path(os.environ.get("VR_DATA") or "datasets").expanduser()


def open_source(card: Card, data: Path | None = None, *, format: str | None = None) -> ImageSource:
    """Open the images of a card.

    Args:
        data: a folder or file (by looking at it); by default the card's folder under `data_root()`.
        format: a key of `FORMATS` where looking would mislead.

    Raises:
        UserError: nothing there (the message says how to get it), no images, classes that do not match.
    """
    if format is not None and format not in FORMATS:
        raise UserError(f"unknown format '{format}'", remedy=f"Known: {', '.join(FORMATS)}.")
    path = _default_place(card) if data is None else data.expanduser()
    if not path.exists():
        raise UserError("there is no such folder or file", file=path, remedy="Check --data.")
    trees = [open_tree(path)]
    if data is not None and card.images is not None and (path / card.images.folder).is_dir():
        trees.append(open_tree(path / card.images.folder))  # --data may be the data root, too
    for name, known in FORMATS.items():
        for tree in trees:
            if format == name or (format is None and known.looks(tree, card)):
                return known.open(tree, card)
    return folder.open_folder(trees[0], card)  # raises, saying what an image folder is


def _default_place(card: Card) -> Path:
    name = card.images.folder if card.images is not None else card.name
    path = data_root() / name
    archive = path.with_name(f"{path.name}.zip")
    if path.exists() or archive.exists():
        return path if path.exists() else archive
    if card.name == PHANTOM:
        from vr.phantom.dataset import draw_dataset

        draw_dataset(path)
        return path
    by_itself = card.images is not None and card.images.download is not None
    remedy = f"Get them with `vr data get {card.name}`, or" if by_itself else "Put them there, or"
    raise UserError(
        f"the images of '{card.name}' are not there",
        file=path,
        remedy=f"{remedy} name the folder with --data DIR. VR_DATA names another data root.",
    )
