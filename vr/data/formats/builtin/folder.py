"""Image folders: one sub-folder per class, at the top or below train, val and test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrgen.core.errors import UserError
from attrgen.schema.card import Card, fold
from attrgen.schema.folder_card import class_folder, class_folders, file_kinds
from attrgen.schema.image_names import looks_like_image, split_of
from vr.data.formats import left_out
from vr.data.formats.file_source import FileSource, open_files
from vr.data.formats.file_tree import FileTree
from vr.data.formats.image_format import ImageFormat
from vr.data.formats.labels import label_of
from vr.data.formats.location import Location
from vr.data.formats.source import Item


def detect(location: Location) -> bool:
    """Whether there are images in sub-folders."""
    return location.has_tree and any("/" in name and looks_like_image(name) for name in location.tree.names)


def open_folder(location: Location, card: Card) -> FileSource:
    """Open an image folder.

    Raises:
        UserError: there are no images, a folder matches no class, or a class has no image.
    """
    tree = location.tree
    kinds = file_kinds(tree)
    if not kinds.images:
        raise UserError(
            "there are no images in this folder",
            code="data-no-images",
            file=tree.root,
            remedy="Put the images of each class in a sub-folder named after the class.",
        )
    rows = list(_rows(tree, kinds.images, card))
    used = {item.path for _, item in rows}
    remarks = [
        *left_out.of_other_classes([name for name in kinds.images if name not in used]),
        *left_out.masks(kinds.masks),
        *left_out.not_images(kinds.others),
    ]
    return open_files(tree, rows, card, remarks=remarks)


def class_names(location: Location) -> list[str]:
    """Names of the class folders."""
    return class_folders(location.tree)


def _rows(tree: FileTree, images: Sequence[str], card: Card) -> Iterator[tuple[str, Item]]:
    labels: dict[str, int | None] = {}
    for name in images:
        folder = class_folder(name)
        if folder is None:
            raise UserError(
                "the image is in no class folder",
                code="data-image-without-class",
                file=tree.path_of(name),
                remedy="Move it into one.",
            )
        top = name.split("/")[0]
        split = split_of(top)
        if folder not in labels:
            labels[folder] = _label(tree, card, f"{top}/{folder}" if split else folder, folder)
        label = labels[folder]
        if label is not None:
            yield split or "train", Item(name, label)


def _label(tree: FileTree, card: Card, folder: str, spelling: str) -> int | None:
    try:
        return label_of(card, spelling)
    except UserError as error:
        raise UserError(
            f"the folder '{fold(spelling)}' is no class of the card '{card.name}'",
            code="data-folder-without-class",
            file=tree.path_of(folder),
            remedy=error.remedy,
        ) from error


FORMAT = ImageFormat("folder", "a folder per class", detect, open_folder, class_names, rank=50)
