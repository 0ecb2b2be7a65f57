"""A card made by looking at a collection: classes and counts are read, the rest is left to edit."""

from __future__ import annotations

import json
import re
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.schema import card as cards
from attrgen.schema.card import Card, CardClass, CardCounts, CardImages, fold
from vr.data.decoding.pixels import is_image
from vr.data.formats import coop, folder, manifest, npz
from vr.data.formats.file_tree import Location
from vr.data.formats.source import ImageSource, split_of

_SUFFIXES = (".zip", ".npz", ".csv", ".parquet")


def is_collection(dataset: str) -> bool:
    """Whether `--dataset` names a collection by its path, and not a card."""
    path = Path(dataset).expanduser()
    known = dataset in cards.shipped_cards()
    return not known and (path.is_dir() or (path.is_file() and path.suffix.lower() in _SUFFIXES))


def infer_card(path: Path) -> Card:
    """The card of a collection without one.

    Class names are the folders', the split file's or the table's; an array file has numbers only, so its
    classes are called `class 0` and so on until someone names them.

    Raises:
        UserError: not a collection, or fewer than two classes.
    """
    if not path.exists():
        raise UserError("there is no such folder or file", file=path, remedy="Check the path.")
    place = Location(path)
    spellings = _classes(place)
    if len(spellings) < 2:
        raise UserError(
            f"the collection has {len(spellings)} classes, and at least two are needed",
            file=path,
            remedy="Put the images of each class in a sub-folder named after the class.",
        )
    stem = (
        (path.resolve() if path.is_dir() else path).stem
        if path.suffix.lower() in _SUFFIXES
        else path.resolve().name
    )
    return Card(
        name=re.sub(r"[^a-z0-9_-]+", "-", stem.casefold()).strip("-_") or "dataset",
        title=stem,
        modality="medical image",
        shows="a medical image",
        images=CardImages(folder=stem, layout=_layout(place)),
        classes=tuple(
            CardClass(
                name=_words(each), folder=each, aliases=(each.removeprefix("class "),) if numbered else ()
            )
            for each in spellings
            for numbered in [re.fullmatch(r"class \d+", each)]
        ),
    )


def with_counts(card: Card, source: ImageSource) -> Card:
    """The card with the number of images that are there."""
    train, val, test = (len(source.splits.get(split, ())) for split in ("train", "val", "test"))
    return card.model_copy(update={"counts": CardCounts(train=train, val=val, test=test)})


def to_toml(card: Card) -> str:
    """A card as TOML, with a word on what to edit."""

    def text(value: str) -> str:
        return json.dumps(value, ensure_ascii=False)

    lines = [
        "# Made by looking at the images. Edit what prompts will say: modality, shows, names of classes.",
        f"name = {text(card.name)}",
        f"title = {text(card.title)}",
        f"modality = {text(card.modality)}  # CT, MRI, ultrasound, X-ray, histology, …",
        f"shows = {text(card.shows)}  # what one image shows: an axial CT slice of a kidney",
        f"licence = {text(card.licence)}",
        f"source = {text(card.source)}",
    ]
    if card.images is not None:
        lines += [
            "",
            "[images]",
            f"folder = {text(card.images.folder)}",
            f"layout = {text(card.images.layout)}",
        ]
    if card.counts is not None:
        lines += [
            "",
            "[counts]",
            *(f"{split} = {count}" for split, count in card.counts.model_dump().items()),
        ]
    for entry in card.classes:
        lines += ["", "[[classes]]", f"name = {text(entry.name)}", f"folder = {text(entry.folder)}"]
        if entry.aliases:
            lines.append(f"aliases = [{', '.join(map(text, entry.aliases))}]")
    return "\n".join(lines) + "\n"


def _layout(place: Location) -> str:
    if npz.find(place) is not None:
        return "npz"
    if place.has_tree and coop.find(place.tree, None) is not None:
        return "coop"
    if manifest.find(place) is not None:
        return "manifest"
    return "dicom" if folder.looks_dicom(place) else "folder"


def _classes(place: Location) -> list[str]:
    """Spellings of the classes in label order; each class once, however it is spelled."""
    layout = _layout(place)
    if layout == "npz":
        path = npz.find(place)
        assert path is not None
        _, labels = npz.read_arrays(path)
        values = {value for own in labels.values() for value in own}
        if all(isinstance(value, int) for value in values):
            return [f"class {number}" for number in range(max(map(int, values), default=-1) + 1)]
        return _once(sorted(map(str, values)))
    if layout == "manifest":
        found = manifest.find(place)
        assert found is not None
        spellings = {label for _, _, label, _ in manifest.read_rows(*found)}
        if all(spelling.isdigit() for spelling in spellings):
            return [f"class {number}" for number in range(max(map(int, spellings), default=-1) + 1)]
        return _once(sorted(spellings))
    if layout == "coop":
        return _once(coop.class_spellings(place))
    images = (name for name in place.tree.names if layout == "dicom" or is_image(name))
    folders = (name.split("/")[:-1] for name in images)
    inside = (parts[1:] if parts and split_of(parts[0]) else parts for parts in folders)
    return _once(sorted({parts[0] for parts in inside if parts}))


def _once(spellings: list[str]) -> list[str]:
    return list({fold(spelling): spelling for spelling in reversed(spellings)}.values())[::-1]


def _words(spelling: str) -> str:
    return re.sub(r"[_\s]+", " ", spelling).strip()
