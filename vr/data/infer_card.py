"""The card of a collection without one: classes and counts are read, the rest is left to edit."""

from __future__ import annotations

from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.files import expanded
from attrgen.schema import card as cards
from attrgen.schema.card import Card, CardCounts
from attrgen.schema.folder_card import card_of_classes, few_classes_remedy, one_per_class
from vr.data import image_formats
from vr.data.formats.location import Location
from vr.data.formats.source import ImageSource


def is_collection(dataset: str) -> bool:
    """Whether `--dataset` names a collection by its path, and not a card."""
    path = expanded(dataset)
    if dataset in cards.shipped_cards() or path.suffix == ".toml":
        return False
    return path.is_dir() or (path.is_file() and path.suffix.lower() in image_formats.collection_suffixes())


def infer_card(path: Path, format: str | None = None) -> Card:
    """The card of a collection without one.

    Class names are those of the folders, the split file or the table; an array file has numbers only, so its
    classes are called `class 0` and so on until someone names them.

    Args:
        format: the name of an image format; by default it is detected.

    Raises:
        UserError: not a collection, an unknown format, or fewer than two classes.
    """
    if not path.exists():
        raise UserError(
            "there is no such folder or file", code="data-missing", file=path, remedy="Check the path."
        )
    location = Location(path)
    detected = image_formats.detect(location) if format is None else None
    known = detected or image_formats.find_format(format or "folder")
    names = one_per_class(known.class_names(location))
    if len(names) < 2 and location.has_tree:
        return card_of_classes(path, names, known.name, remedy=few_classes_remedy(location.tree))
    return card_of_classes(path, names, known.name)


def with_counts(card: Card, source: ImageSource) -> Card:
    """The card with the number of images per split."""
    train, val, test = (len(source.splits.get(split, ())) for split in ("train", "val", "test"))
    return card.model_copy(update={"counts": CardCounts(train=train, val=val, test=test)})


def to_toml(card: Card) -> str:
    """A card as TOML, with comments on what to edit."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment("Inferred from the images. Edit what prompts say: modality, shows, names."))
    document["name"], document["title"] = card.name, card.title
    document["modality"] = tomlkit.string(card.modality).comment("CT, MRI, ultrasound, X-ray, histology, …")
    document["shows"] = tomlkit.string(card.shows).comment("one image: an axial CT slice of a kidney")
    document["licence"], document["source"] = card.licence, card.source
    if card.images is not None:
        keys = {"folder", "layout", "window", "intensity", "group", "group_column"}
        document["images"] = card.images.model_dump(mode="json", include=keys, exclude_none=True)
    if card.counts is not None:
        document["counts"] = card.counts.model_dump()
    classes = tomlkit.aot()
    for entry in card.classes:
        table = tomlkit.item({"name": entry.name, "folder": entry.folder})
        if entry.aliases:
            table["aliases"] = list(entry.aliases)
        classes.append(table)
    document["classes"] = classes
    return tomlkit.dumps(document)
