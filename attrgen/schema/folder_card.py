"""The card of an image folder without one: which sub-folders are classes, and what they are called.

A sub-folder (at the top, or below train, val and test) is a class if there is an image in it or below it.
Image files are known by their suffix; where no sub-folder holds such a file, DICOM files by their content.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from attrgen.core.errors import UserError
from attrgen.core.files import open_regular
from attrgen.core.names import readable
from attrgen.core.shell import command
from attrgen.core.validation import validate
from attrgen.schema.card import PLACEHOLDERS, Card, fold
from attrgen.schema.image_names import (
    COLLECTION_SUFFIXES,
    DICOM_HEAD,
    TABLE_HEAD,
    is_array_file,
    is_dicom,
    is_hidden,
    is_image,
    is_manifest,
    is_split_file,
    looks_like_image,
    split_of,
)
from attrgen.schema.masks import masks_among
from attrgen.schema.table_columns import columns_of_csv

_CHECKED_FOR_DICOM = 20  # files that are opened to see whether a folder holds DICOM files

_REMEDY = "Put the images of each class in a sub-folder named after the class."


class Files(Protocol):
    """Files below a root, by their relative POSIX names in sorted order, without hidden ones."""

    @property
    def names(self) -> Sequence[str]: ...

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a file."""


class FilesOnDisk:
    """The files of a folder, or of the one folder that it holds (see `only_folder`)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._paths = file_names(root)
        while (only := only_folder(tuple(self._paths))) is not None:
            self.root = self.root / only
            self._paths = {name.removeprefix(f"{only}/"): path for name, path in self._paths.items()}
        self.names = tuple(self._paths)

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a file.

        Raises:
            UserError: it cannot be read.
        """
        try:
            with open_regular(self._paths[name]) as file:
                return file.read(size)
        except OSError as error:
            raise UserError(
                f"cannot be read: {error.strerror or error}", code="file-unreadable", file=self.root / name
            ) from error


def from_folder(folder: Path) -> Card:
    """A card made from a plain image folder; see `class_folders`.

    Raises:
        UserError: fewer than two class folders, or a file beside them holds the labels.
    """
    files = FilesOnDisk(folder)
    tables = [name for name in files.names if "/" not in name and _holds_labels(files, name)]
    folders = class_folders(files)
    if len(folders) < 2:
        tables += label_tables(files)
    if tables:
        raise UserError(
            f"the labels are in '{tables[0]}', and `attrgen` reads the classes of image folders only",
            code="card-labels-in-file",
            file=folder,
            remedy=f"Run {command('vr', 'data', 'card', folder)} and give the new card to --dataset.",
        )
    layout = "dicom" if is_dicom_folder(files) else "folder"
    return card_of_classes(folder, folders, layout, remedy=few_classes_remedy(files))


def card_of_classes(path: Path, spellings: Sequence[str], layout: str, *, remedy: str = _REMEDY) -> Card:
    """The card of a collection: its name is the path's, its classes are spelled as given, in that order.

    A class called `class 3` may also be called `3`, as in files that number their classes.

    Raises:
        UserError: fewer than two classes, or a name that no class can have.
    """
    if len(spellings) < 2:
        counted = f"{len(spellings)} class{'' if len(spellings) == 1 else 'es'}"
        raise UserError(
            f"the collection has {counted}, and at least two are needed",
            code="card-few-classes",
            file=path,
            remedy=remedy,
        )
    title = path.stem if path.suffix.lower() in COLLECTION_SUFFIXES else path.resolve().name
    classes = [
        {
            "name": re.sub(r"[_\s]+", " ", spelling).strip(),
            "folder": spelling,
            "aliases": (spelling.removeprefix("class "),) if re.fullmatch(r"class \d+", spelling) else (),
        }
        for spelling in spellings
    ]
    values = {
        "name": re.sub(r"[^a-z0-9_-]+", "-", title.casefold()).strip("-_") or "dataset",
        "title": title or "dataset",
        "modality": PLACEHOLDERS["modality"],
        "shows": PLACEHOLDERS["shows"],
        "images": {"folder": title or ".", "layout": layout},
        "classes": classes,
    }
    return validate(Card, values, what="dataset card", code="card", file=path, remedy="Rename the folder.")


def few_classes_remedy(files: Files) -> str:
    """What to do where there are fewer than two class folders: the rule, and what lies there instead."""
    masks = len(file_kinds(files).masks)
    tables = [name for name in files.names if "/" not in name and name.lower().endswith(".csv")]
    remedy = _REMEDY
    if masks:
        remedy += f" {masks} images look like segmentation masks and do not count."
    if tables:
        remedy += f" Or list them in a table with the columns path and label ('{tables[0]}' has others)."
    return remedy


def class_folders(files: Files) -> list[str]:
    """Names of the class folders, sorted; of names that differ in spelling only (see `fold`) the first."""
    inside = (class_folder(name) for name in image_files(files))
    return one_per_class(sorted({folder for folder in inside if folder is not None}))


def class_folder(name: str) -> str | None:
    """The class folder of an image by its relative name, or None where it is in none."""
    folders = name.split("/")[:-1]
    if folders and split_of(folders[0]):
        folders = folders[1:]
    return folders[0] if folders else None


class FileKinds(NamedTuple):
    """The files of a collection by kind, each in the order of their names."""

    images: list[str]
    masks: list[str]
    others: list[str]


def file_kinds(files: Files) -> FileKinds:
    """The files that are images (by their suffix or, DICOM files, by their content), masks, and others."""
    pictures = [name for name in files.names if is_image(name, partial(files.head, name, DICOM_HEAD))]
    masks, known = masks_among(pictures), set(pictures)
    return FileKinds(
        [name for name in pictures if name not in masks],
        [name for name in pictures if name in masks],
        [name for name in files.names if name not in known],
    )


def image_files(files: Files) -> list[str]:
    """The files that are images and not masks; see `file_kinds`."""
    return file_kinds(files).images


def is_dicom_folder(files: Files) -> bool:
    """Whether sub-folders hold DICOM files, which often have no suffix, and no other images."""
    below = [name for name in files.names if "/" in name]
    if any(map(looks_like_image, below)):
        return False
    return any(is_dicom(files.head(name, DICOM_HEAD)) for name in islice(below, _CHECKED_FOR_DICOM))


def one_per_class(spellings: Iterable[str]) -> list[str]:
    """The spellings in order; of those that fold alike the first only."""
    first: dict[str, str] = {}
    for spelling in spellings:
        first.setdefault(fold(spelling), spelling)
    return list(first.values())


def file_names(root: Path) -> dict[str, Path]:
    """Files below a folder, without hidden ones, by their relative POSIX names in sorted order.

    The names are `readable`: a path may have bytes that no text has.
    """
    paths: dict[str, Path] = {}
    walked: set[tuple[int, int]] = set()
    # Links are followed, because clusters keep data behind them; a link upwards must not loop.
    for folder, folders, files in os.walk(root, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in walked:
            folders.clear()
            continue
        walked.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        inside = Path(folder).relative_to(root)
        for name in files:
            if not is_hidden(name):
                paths[readable((inside / name).as_posix())] = root / inside / name
    return dict(sorted(paths.items()))


def only_folder(names: Sequence[str]) -> str | None:
    """The one folder that holds all files and is neither a split nor a class (as archives often have)."""
    tops = {name.split("/", 1)[0] for name in names}
    only = next(iter(tops)) if len(tops) == 1 else None
    if only is None or only in names or split_of(only) is not None:
        return None
    direct = [name for name in names if name.count("/") == 1]
    is_class = bool(direct) and all(map(looks_like_image, direct))  # the only class that there is
    return None if is_class else only


def label_tables(files: Files) -> list[str]:
    """The CSV files at the top that have a column of images and one of labels, whatever they are called."""
    tables = [name for name in files.names if "/" not in name and name.lower().endswith(".csv")]
    return [name for name in tables if columns_of_csv(files.head(name, TABLE_HEAD)).is_table_of_images]


def _holds_labels(files: Files, name: str) -> bool:
    table = name.lower().endswith((".csv", ".parquet"))
    return (
        is_array_file(name)
        or is_split_file(name)
        or (table and is_manifest(name, files.head(name, TABLE_HEAD)))
    )
