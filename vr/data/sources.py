"""Images in, whatever they come in: `open_source` finds the format by looking."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.schema.card import Card, find
from vr.data.formats import coop, folder, infer_card, manifest, npz
from vr.data.formats.file_tree import Location
from vr.data.formats.source import SPLITS, ImageSource, Item

__all__ = [
    "FORMATS",
    "SPLITS",
    "ImageSource",
    "Item",
    "data_root",
    "is_available",
    "open_dataset",
    "open_source",
]

PHANTOM = "kidney-phantom"


@dataclass(frozen=True)
class Format:
    """One way in which collections come: how it is recognised and opened."""

    looks: Callable[[Location, Card], bool]
    open: Callable[[Location, Card], ImageSource]


# In the order in which they are tried: the more explicit ones first.
FORMATS: dict[str, Format] = {
    "npz": Format(npz.looks, npz.open_npz),
    "coop": Format(coop.looks, coop.open_coop),
    "manifest": Format(manifest.looks, manifest.open_manifest),
    "dicom": Format(folder.looks_dicom, folder.open_dicom),
    "folder": Format(folder.looks, folder.open_folder),
}


def data_root() -> Path:
    """Where collections are looked for by name: `VR_DATA`, else `datasets/` in the working folder."""
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
    place = Location(_below_root(path, card))
    for name, known in FORMATS.items():
        if (format == name or format is None) and known.looks(place, card):
            return known.open(place, card)
    return FORMATS[format or "folder"].open(place, card)  # raises, saying what was looked for


def is_available(card: Card) -> bool:
    """Whether there is something under the data root by the card's name."""
    return _there(_folder(card)) is not None


def open_dataset(
    dataset: str,
    data: Path | None = None,
    *,
    classes: Sequence[str] = (),
    format: str | None = None,
) -> tuple[Card, ImageSource]:
    """Card and images of what `--dataset`, `--data` and `--classes` say.

    Args:
        dataset: a shipped card's name, a card's path, or the path of a collection, which needs no card.
        classes: work on these only; all if empty.

    Raises:
        UserError: an unknown dataset or class, or as for `open_source`.
    """
    if infer_card.is_collection(dataset):
        data = data or Path(dataset).expanduser()
        card = infer_card.infer_card(data)
    else:
        card = find(dataset)
    if classes:
        card = card.subset(classes)
    return card, open_source(card, data, format=format)


def _below_root(path: Path, card: Card) -> Path:
    """The card's own folder where `path` is a data root that holds several collections."""
    if card.images is None or path.name == card.images.folder or any(path.glob("split_*.json")):
        return path
    below = path / card.images.folder
    return below if below.is_dir() else path


def _default_place(card: Card) -> Path:
    path = _folder(card)
    there = _there(path)
    if there is not None:
        return there
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


def _folder(card: Card) -> Path:
    return data_root() / (card.images.folder if card.images is not None else card.name)


def _there(path: Path) -> Path | None:
    candidates = (path, path.with_name(f"{path.name}.zip"), path.with_name(f"{path.name}.npz"))
    return next((each for each in candidates if each.exists()), None)
