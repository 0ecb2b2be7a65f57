"""Opening the images of a card or of a collection, whatever its format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from attrgen.core.errors import UserError
from attrgen.core.files import expanded
from attrgen.core.shell import command
from attrgen.schema.card import Card, find
from vr.data import image_formats
from vr.data.formats.image_format import ImageFormat
from vr.data.formats.location import Location
from vr.data.formats.source import SPLITS, ImageSource, Item
from vr.data.infer_card import infer_card, is_collection
from vr.data.intensity import with_intensity

__all__ = [
    "SPLITS",
    "ImageSource",
    "Item",
    "data_root",
    "is_available",
    "open_collection",
    "open_dataset",
    "open_source",
    "opening_once",
]

PHANTOM = "kidney-phantom"
T = TypeVar("T")


def data_root() -> Path:
    """The folder of the collections that have a name: `VR_DATA`, else `datasets/` in the working folder."""
    return expanded(os.environ.get("VR_DATA") or "datasets")


Opened = dict[tuple[object, ...], Any]  # what was opened, by what was asked for
_opened: ContextVar[Opened | None] = ContextVar("opened", default=None)


@contextmanager
def opening_once() -> Iterator[None]:
    """Within the block a collection is opened once, however often it is asked for: a sweep sees it as it is
    at its start."""
    token = _opened.set({} if _opened.get() is None else _opened.get())
    try:
        yield
    finally:
        _opened.reset(token)


def open_dataset(
    dataset: str,
    data: Path | None = None,
    *,
    classes: Sequence[str] = (),
    format: str | None = None,
) -> tuple[Card, ImageSource]:
    """Card and images of a dataset, as `--dataset`, `--data`, `--classes` and `--format` name them.

    Args:
        dataset: a shipped card's name, a card's path, or the path of a collection, which needs no card. The
            images of a card that is a file are looked for beside it first.
        classes: the classes to work on; all if empty.
        data, format: as for `open_source`.

    Raises:
        UserError: an unknown dataset or class, or as for `open_source`.
    """
    classes = tuple(classes)
    return _once(lambda: _open(dataset, data, classes, format), dataset, data, classes, format)


def _once(open: Callable[[], T], *asked: object) -> T:
    """What `open` gives; within `opening_once` what it gave when the same was asked for."""
    opened = _opened.get()
    if opened is None:
        return open()
    key = (Path.cwd(), data_root(), *asked)
    if key not in opened:
        opened[key] = open()
    result: T = opened[key]
    return result


def _open(
    dataset: str, data: Path | None, classes: Sequence[str], format: str | None
) -> tuple[Card, ImageSource]:
    if is_collection(dataset):
        data = data or expanded(dataset)
        card = infer_card(data, format)
    else:
        card = find(dataset)
        data = data or _beside(expanded(dataset), card)
    if classes:
        card = card.subset(classes)
    return with_intensity(card, open_source(card, data, format=format))


def open_collection(path: Path, *, format: str | None = None) -> tuple[Card, ImageSource]:
    """The inferred card and the images of a collection without a card.

    Raises:
        UserError: as for `infer_card` and `open_source`.
    """
    card = infer_card(path, format)
    return with_intensity(card, open_source(card, path, format=format))


def open_source(card: Card, data: Path | None = None, *, format: str | None = None) -> ImageSource:
    """Open the images of a card.

    Args:
        data: a folder or file; by default the card's folder under `data_root()`.
        format: the name of an image format; by default it is detected, the card's `images.layout` first.

    Raises:
        UserError: nothing there (the message says how to get it), an unknown format, no images, classes that
            do not match.
    """
    return _once(lambda: _open_source(card, data, format), card.model_dump_json(), data, format)


def _open_source(card: Card, data: Path | None, format: str | None) -> ImageSource:
    chosen = None if format is None else image_formats.find_format(format)
    path = _default_path(card) if data is None else expanded(data)
    if not path.exists():
        raise UserError(
            "there is no such folder or file", code="data-missing", file=path, remedy="Check --data."
        )
    location = Location(_below_root(path, card))
    return (chosen or _detected(location, card)).open(location, card)


def _beside(file: Path, card: Card) -> Path | None:
    """The images of a card that lie beside its file, or around it; None where there are none."""
    if card.images is None or not file.is_file():
        return None
    folder = file.parent / card.images.folder
    if (beside := _existing(folder)) is not None:
        return beside
    return file.parent if _has_class_folder(file.parent, card) else None


def _has_class_folder(folder: Path, card: Card) -> bool:
    """Whether a folder has the name of the card's collection, or a sub-folder that is one of its classes."""
    if card.images is not None and folder.resolve().name == card.images.folder:
        return True
    names = [path.name for path in folder.iterdir() if path.is_dir()]
    return any(card.find_class(name) is not None for name in names)


def is_available(card: Card) -> bool:
    """Whether the data root has something by the card's name."""
    return _existing(_expected_path(card)) is not None


def _detected(location: Location, card: Card) -> ImageFormat:
    known = image_formats.detect(location, _layout(card))
    if known is not None:
        return known
    if not location.has_tree:
        raise UserError(
            "not an image collection of a known format",
            code="data-unknown-format",
            file=location.path,
            remedy=f"Give a folder or a {', '.join(image_formats.collection_suffixes())} file.",
        )
    return image_formats.find_format("folder")  # it says that there are no images


def _layout(card: Card) -> str | None:
    if card.images is None:
        return None
    if card.images.layout not in image_formats.format_names():
        raise UserError(
            f"the card '{card.name}' names an unknown image format: images.layout = '{card.images.layout}'",
            code="format-unknown",
            remedy=f"Known: {', '.join(image_formats.format_names())}. Or install the package that has it.",
        )
    return card.images.layout


def _below_root(path: Path, card: Card) -> Path:
    """The card's own folder where `path` is a data root that holds several collections."""
    if card.images is None or path.name == card.images.folder or any(path.glob("split_*.json")):
        return path
    below = path / card.images.folder
    return below if below.is_dir() else path


def _default_path(card: Card) -> Path:
    path = _expected_path(card)
    existing = _existing(path)
    if existing is not None:
        return existing
    if card.name == PHANTOM:
        from vr.phantom.dataset import draw_dataset

        draw_dataset(path)
        return path
    has_download = card.images is not None and card.images.download is not None
    remedy = (
        f"Get them with {command('vr', 'data', 'get', card.name)}, or"
        if has_download
        else "Put them there, or"
    )
    raise UserError(
        f"the images of '{card.name}' are not there",
        code="data-not-downloaded",
        file=path,
        remedy=f"{remedy} name the folder with --data DIR. VR_DATA names another data root.",
    )


def _expected_path(card: Card) -> Path:
    return data_root() / (card.images.folder if card.images is not None else card.name)


def _existing(path: Path) -> Path | None:
    if path.exists():
        return path
    files = (path.with_name(f"{path.name}{suffix}") for suffix in image_formats.collection_suffixes())
    return next((file for file in files if file.exists()), None)
