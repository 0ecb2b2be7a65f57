"""Suspicions about what the folders of a collection are, from their names and a few images per class.

A collection without a card takes its folders for classes. Where they look like something else (masks, parts
of a download, patients, magnifications, the collection once more), the user must know before training.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from attrgen.core.errors import UserError
from attrgen.core.names import fold
from attrgen.core.shell import command
from attrgen.schema.card import Card
from attrgen.schema.folder_card import label_tables
from attrgen.schema.image_names import split_of
from vr.data.formats.file_source import FileSource
from vr.data.formats.groups import patients_in_paths
from vr.data.formats.left_out import listed
from vr.data.formats.source import ImageSource, Item

_SAMPLE = 4  # images per class whose pixels are looked at
_PART = re.compile(
    r".*\b(parts?|folds?|batch|chunk|shard|images?|imgs?|volumes?|vol|disc|set|archive) ?\d+", re.I
)
_PATIENT = re.compile(
    r"(patient|subject|subj|pat|case|participant|person|pid|sub|tcga)[ ._-]*[a-z]{0,2}\d+.*", re.I
)
_MAGNIFICATION = re.compile(r"x ?\d+(\.\d+)?|\d+(\.\d+)? ?x", re.I)
_CONTAINER = re.compile(
    r"(images?|imgs?|pictures?|photos?|data|raw|originals?|masks?|segmentations?|annotations?|labels?|"
    r"ground ?truths?|gt|overlays?|thumbnails?|splits?)",
    re.I,
)
_MANY = 0.5


class _Kind(NamedTuple):
    """Something that is not a class but whose folders may be taken for classes.

    It is suspected where more than `share` of the classes have a name that `matches`.
    """

    what: str
    matches: Callable[[str], bool]
    share: float
    remedy: str


_KINDS = (
    _Kind(
        "parts of one collection",
        lambda name: _PART.fullmatch(name) is not None,
        _MANY,
        "Put all images of a class into one folder named after the class.",
    ),
    _Kind(
        "patients",
        lambda name: _PATIENT.fullmatch(name) is not None,
        _MANY,
        "Sort the images by class, or list them in a table with the columns path, label and patient.",
    ),
    _Kind(
        "magnifications",
        lambda name: _MAGNIFICATION.fullmatch(name) is not None,
        _MANY,
        "Name the folder of one magnification, or list the images in a table with the columns path, label.",
    ),
    _Kind(
        "folders of images or masks",
        lambda name: _CONTAINER.fullmatch(name) is not None,
        0.0,
        "Name the folders after the classes, or list the images in a table with the columns path and label.",
    ),
)


def suspicions(source: ImageSource, card: Card) -> list[str]:
    """What may not be a class although it is taken for one, one sentence each with a remedy."""
    items = [item for members in source.splits.values() for item in members]
    folders = [entry.folder for entry in card.classes]
    by_names = [*_by_names(folders), *_copies(items, card), *_same_inside(items)]
    return [*by_names, *_two_valued(source, card)]


def offers(source: ImageSource, card: Card) -> list[str]:
    """What is beside the images and may be of use: a table of labels, patients in the paths."""
    items = [item for members in source.splits.values() for item in members]
    patients = patients_in_paths(items)
    return [*_tables(source, card), *([] if patients is None else [patients])]


def _by_names(folders: Sequence[str]) -> Iterator[str]:
    for kind in _KINDS:
        names = [name for name in folders if kind.matches(fold(name))]
        if len(names) > kind.share * len(folders):
            yield f"The classes look like {kind.what}: {listed(names)}. {kind.remedy}"


def _copies(items: Iterable[Item], card: Card) -> Iterator[str]:
    """Class folders in which the other class folders appear again."""
    classes = {fold(entry.folder) for entry in card.classes}
    inside: dict[str, set[str]] = {}
    for item in items:
        folder, below = _around_class(item.path)
        if folder is not None:
            inside.setdefault(folder, set()).update({fold(name) for name in below[:2]} & classes)
    for folder, names in inside.items():
        if card.find_class(folder) is None:  # a folder around the class folders
            continue
        again = sorted(names - {fold(folder)})
        if len(again) > 1:
            yield (
                f"The folder '{folder}' is taken for a class and seems to hold the whole collection again "
                f"({listed(again)}). Remove it or move it elsewhere."
            )


def _same_inside(items: Iterable[Item]) -> Iterator[str]:
    """Classes that all have the same sub-folders, which may be the classes themselves, or splits."""
    inside: dict[str, set[str]] = {}
    for item in items:
        folder, below = _around_class(item.path)
        if folder is not None:
            inside.setdefault(folder, set()).add(fold(below[0]) if below else "")
    names = list(inside.values())
    if len(names) < 2 or len(names[0]) < 2 or any(other != names[0] or "" in other for other in names):
        return
    same = sorted(names[0])
    if all(split_of(name) is not None for name in same):
        yield (
            f"Every class folder has sub-folders that look like splits ({listed(same)}) and are not used. "
            "Put the class folders into folders called train, val and test instead."
        )
    else:
        yield (
            f"Every class folder has the same sub-folders ({listed(same)}), which may be the classes. "
            "If so, list the images in a table with the columns path and label."
        )


def _around_class(path: str) -> tuple[str | None, tuple[str, ...]]:
    """The class folder of an image of class folders, and the folders below it."""
    parts = PurePosixPath(path).parts[:-1]
    if parts and split_of(parts[0]):
        parts = parts[1:]
    return (parts[0], parts[1:]) if parts else (None, ())


def _two_valued(source: ImageSource, card: Card) -> Iterator[str]:
    """Classes of which some images have two values only, as masks have."""
    for label, name in enumerate(card.class_names):
        of_class = _paths_of(label, source)
        step = max(1, len(of_class) // _SAMPLE)
        looked_at = of_class[::step][:_SAMPLE]
        binary = [path for path in looked_at if _is_two_valued(source, path)]
        if len(binary) > _MANY * len(looked_at):
            yield (
                f"Images of the class '{name}' have two colours only, black and another one, as masks have: "
                f"{listed(binary)}. Remove them if they are masks."
            )


def _paths_of(label: int, source: ImageSource) -> list[str]:
    """Images of a class: of the training split where it has some, so that test images are not looked at."""
    everything = [item for members in source.splits.values() for item in members]
    for items in (source.splits.get("train", ()), everything):
        if paths := [item.path for item in items if item.label == label]:
            return paths
    return []


def _is_two_valued(source: ImageSource, path: str) -> bool:
    try:
        colors = source.read(path).getcolors(2)
    except UserError:  # the check reports it
        return False
    return colors is not None and len(colors) == 2 and any(color == (0, 0, 0) for _, color in colors)


def _tables(source: ImageSource, card: Card) -> Iterator[str]:
    if (
        not isinstance(source, FileSource)
        or card.images is None
        or card.images.layout not in ("folder", "dicom")
    ):
        return
    for table in label_tables(source.tree):
        yield (
            f"The table '{table}' lists images and labels and is not used. To take the labels from it: "
            f"{command('vr', 'data', 'card', source.tree.path_of(table))}."
        )
