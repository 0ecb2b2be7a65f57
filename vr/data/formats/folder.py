"""Image folders: a sub-folder a class, at the top or below train, val and test."""

from __future__ import annotations

from collections.abc import Iterator

from attrgen.core.errors import UserError
from attrgen.schema.card import Card, fold
from attrgen.schema.folder_card import class_folder, is_dicom_folder
from attrgen.schema.image_names import DICOM_HEAD, is_dicom, looks_like_image, split_of
from vr.data.formats.file_source import FileSource, label_of, whole_splits
from vr.data.formats.file_tree import FileTree, Location
from vr.data.formats.source import Item


def looks(place: Location, card: Card | None = None) -> bool:
    """Whether there are images in sub-folders."""
    return place.has_tree and any("/" in name and looks_like_image(name) for name in place.tree.names)


def open_folder(place: Location, card: Card) -> FileSource:
    """Open an image folder.

    Raises:
        UserError: there are no images, a folder matches no class, or a class has no image.
    """
    return _open(place, card, [name for name in place.tree.names if looks_like_image(name)])


def looks_dicom(place: Location, card: Card | None = None) -> bool:
    """Whether there are DICOM files in sub-folders, which often have no suffix, and no other images."""
    return place.has_tree and is_dicom_folder(place.tree)


def open_dicom(place: Location, card: Card) -> FileSource:
    """As `open_folder`, for DICOM files, known by what is in them and not by name; others are passed over.

    Raises:
        UserError: as for `open_folder`.
    """
    tree = place.tree
    return _open(place, card, [name for name in tree.names if is_dicom(tree.head(name, DICOM_HEAD))])


def _open(place: Location, card: Card, images: list[str]) -> FileSource:
    tree = place.tree
    if not images:
        raise UserError(
            "there are no images in this folder",
            file=tree.root,
            remedy="Put the images of each class in a sub-folder named after the class.",
        )
    splits, notes = whole_splits(_rows(tree, images, card), card, tree.root)
    return FileSource(tree, splits, notes, card.images.window if card.images else None)


def _rows(tree: FileTree, images: list[str], card: Card) -> Iterator[tuple[str, Item]]:
    labels: dict[str, int | None] = {}
    for name in images:
        folder = class_folder(name)
        if folder is None:
            raise UserError(
                "the image lies in no class folder", file=tree.place(name), remedy="Move it into one."
            )
        split = split_of(name.split("/")[0])
        if folder not in labels:
            labels[folder] = _label(tree, card, f"{name.split('/')[0]}/{folder}" if split else folder, folder)
        label = labels[folder]
        if label is not None:
            yield split or "train", Item(name, label)


def _label(tree: FileTree, card: Card, folder: str, spelling: str) -> int | None:
    try:
        return label_of(card, spelling)
    except UserError as error:
        raise UserError(
            f"the folder '{fold(spelling)}' is no class of the card '{card.name}'",
            file=tree.place(folder),
            remedy=error.remedy,
        ) from error
