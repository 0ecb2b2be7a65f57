"""A card made by looking at a collection: classes and counts are read, the rest is left to edit."""

from __future__ import annotations

import json
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.schema import card as cards
from attrgen.schema.card import Card, CardCounts
from attrgen.schema.folder_card import card_of_classes, class_folders, one_per_class
from attrgen.schema.image_names import COLLECTION_SUFFIXES
from vr.data.formats import coop, folder, manifest, npz
from vr.data.formats.file_tree import Location
from vr.data.formats.source import ImageSource


def is_collection(dataset: str) -> bool:
    """Whether `--dataset` names a collection by its path, and not a card."""
    path = Path(dataset).expanduser()
    known = dataset in cards.shipped_cards()
    return not known and (path.is_dir() or (path.is_file() and path.suffix.lower() in COLLECTION_SUFFIXES))


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
    return card_of_classes(path, spellings, _layout(place))


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
        return one_per_class(sorted(map(str, values)))
    if layout == "manifest":
        found = manifest.find(place)
        assert found is not None
        spellings = {label for _, _, label, _ in manifest.read_rows(*found)}
        if all(spelling.isdigit() for spelling in spellings):
            return [f"class {number}" for number in range(max(map(int, spellings), default=-1) + 1)]
        return one_per_class(sorted(spellings))
    if layout == "coop":
        return one_per_class(coop.class_spellings(place))
    return class_folders(place.tree)
