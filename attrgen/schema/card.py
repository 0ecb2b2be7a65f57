"""Contract 1, the dataset card: one TOML file that says what a dataset shows and names its classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from attrgen.core.errors import UserError
from attrgen.core.files import expanded
from attrgen.core.names import did_you_mean as did_you_mean
from attrgen.core.names import fold as fold
from attrgen.core.resources import resource
from attrgen.core.shell import command
from attrgen.core.validation import Frozen, read_toml
from attrgen.schema.image_names import COLLECTION_SUFFIXES

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\n\r\t]+$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]


class CardClass(Frozen):
    """One class: `name` as text prompts say it, its image folder, and other spellings of its name."""

    name: Words = Field(description="as prompts say it")
    folder: Words = Field(description="its image folder, or its name in a split file or table")
    aliases: tuple[Words, ...] = Field((), description="other spellings of the name")

    def spellings(self) -> frozenset[str]:
        """Every folded spelling of the class."""
        return self._spellings

    @cached_property
    def _spellings(self) -> frozenset[str]:
        return frozenset(fold(text) for text in (self.name, self.folder, *self.aliases))


# What a card says where nobody has filled it in.
UNKNOWN = "unknown"
PLACEHOLDERS = {
    "modality": "medical image",
    "shows": "a medical image",
    "licence": UNKNOWN,
    "source": UNKNOWN,
}


class CardImages(Frozen):
    """Where the images are under the data root, and how to get them."""

    folder: Words = Field(description="the collection's folder under the data root")
    layout: Name = Field("coop", description="the image format, see `--format`")
    split: Words | None = Field(None, description="name of the split file, where there are several")
    download: str | None = Field(None, description="`hub:REPO/FILE.zip`, `torchvision:NAME` or a URL")
    labels: tuple[Words, ...] = Field(
        (),
        description="classes by integer label, for files that have no names and another order than the card",
    )
    window: tuple[float, float] | None = Field(None, description="DICOM window: centre and width")
    intensity: tuple[float, float] | None = Field(
        None, description="values shown black and white in images of more than 8 bits that have no window"
    )
    group: Words | None = Field(
        None, description="pattern over an image's path that finds its group, for instance its patient"
    )
    group_column: Words | None = Field(None, description="column of a table that holds the group")
    group_dicom: bool | None = Field(None, description="the group is the PatientID of a DICOM file, hashed")

    @field_validator("group")
    @classmethod
    def _pattern_compiles(cls, group: str | None) -> str | None:
        try:
            re.compile(group or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return group

    @model_validator(mode="after")
    def _one_kind_of_group(self) -> CardImages:
        if sum(map(bool, (self.group, self.group_column, self.group_dicom))) > 1:
            raise ValueError("give one of group, group_column and group_dicom")
        return self


class CardCounts(Frozen):
    """Number of images in each split, as published."""

    train: int = Field(ge=0, description="training images")
    val: int = Field(ge=0, description="validation images")
    test: int = Field(ge=0, description="test images")


class Card(Frozen):
    """A dataset card. Classes are in label order."""

    name: Name = Field(description="the short name that commands take: lower case, digits, hyphens")
    title: Words = Field(description="the name that reports show")
    version: int = Field(1, ge=1, description="of the card")
    modality: Words = Field(description="kind of image, such as CT or ultrasound")
    shows: Words = Field(description="what one image shows, a noun phrase: 'an axial CT slice of a kidney'")
    greyscale: bool | None = Field(None, description="the images have no colour; prompts say so")
    stain: Words | None = Field(None, description="stain of a microscopic image, for prompts")
    synthetic: bool | None = Field(None, description="drawn or generated: the images show no patients")
    view: Words | None = Field(None, description="view or plane of the images, for prompts: 'frontal'")
    licence: Words = Field(UNKNOWN, description="of the images")
    source: Words = Field(UNKNOWN, description="where the images come from")
    citation: str | None = Field(None, description="the publication to cite")
    notes: str | None = Field(None, description="what a user should know about the collection")
    images: CardImages | None = Field(None, description="where the images are")
    counts: CardCounts | None = Field(None, description="published number of images")
    classes: tuple[CardClass, ...] = Field(min_length=2, description="in label order")
    left_out: tuple[CardClass, ...] = Field(
        (), description="classes of the collection that are left out on purpose (`--classes`)"
    )
    confusers: Mapping[Words, tuple[Words, ...]] = Field(
        default_factory=dict, description="for a class, the classes that it is most often mistaken for"
    )

    @model_validator(mode="after")
    def _names_are_one_to_one(self) -> Card:
        owner: dict[str, str] = {}
        for entry in self.classes:
            for spelling in entry.spellings():
                if owner.setdefault(spelling, entry.name) != entry.name:
                    raise ValueError(f"'{spelling}' names both '{owner[spelling]}' and '{entry.name}'")
        names = self.class_names
        if len(set(names)) != len(names):
            raise ValueError("two classes have the same name")
        for name, confusers in self.confusers.items():
            for other in (name, *confusers):
                if other not in names:
                    raise ValueError(f"confusers: '{other}' is not a class of this card")
            if name in confusers:
                raise ValueError(f"confusers: '{name}' cannot be mistaken for itself")
        return self

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Class names in label order."""
        return tuple(entry.name for entry in self.classes)

    def find_class(self, spelling: str) -> CardClass | None:
        """The class of that name, folder or alias; case, underscores and joining hyphens do not count."""
        return self._by_spelling.get(fold(spelling))

    @cached_property
    def _by_spelling(self) -> dict[str, CardClass]:
        return {spelling: entry for entry in self.classes for spelling in entry.spellings()}

    @cached_property
    def spellings(self) -> Mapping[str, frozenset[str]]:
        """The folded spellings of every class, by its name."""
        return {entry.name: entry.spellings() for entry in self.classes}

    def leaves_out(self, spelling: str) -> bool:
        """Whether that is the spelling of a class left out on purpose."""
        return any(fold(spelling) in entry.spellings() for entry in self.left_out)

    def class_of(self, spelling: str) -> CardClass:
        """As `find_class`.

        Raises:
            UserError: no class is spelled so; the message lists the nearest names.
        """
        match = self.find_class(spelling)
        if match is None:
            raise UserError(
                f"'{spelling}' is no class of the card '{self.name}'",
                code="card-unknown-class",
                remedy=f"{did_you_mean(spelling, self.class_names)} If it is another spelling of a class, "
                "add it to that class's aliases in the card.",
            )
        return match

    def subset(self, names: Iterable[str]) -> Card:
        """The same card with only those classes, in the card's order.

        Raises:
            UserError: a name is unknown, or fewer than two classes remain.
        """
        chosen = {self.class_of(name).name for name in names}
        if len(chosen) < 2:
            raise UserError(
                "fewer than two classes are left",
                code="card-few-classes",
                remedy="Name at least two different classes.",
            )
        confusers = {
            name: kept
            for name, others in self.confusers.items()
            if name in chosen and (kept := tuple(other for other in others if other in chosen))
        }
        classes = tuple(entry for entry in self.classes if entry.name in chosen)
        left_out = self.left_out + tuple(entry for entry in self.classes if entry.name not in chosen)
        images = self.images
        if images is not None and not images.labels:  # integer labels keep the meaning they had
            images = images.model_copy(update={"labels": self.class_names})
        changed = {"classes": classes, "left_out": left_out, "images": images, "confusers": confusers}
        return self.model_copy(update={**changed, "counts": None})


def shipped_cards() -> dict[str, Path]:
    """Name and path of every card that comes with the program, sorted by name."""
    return {path.stem: path for path in sorted(resource("data", "cards").glob("*.toml"))}


def find(dataset: str) -> Card:
    """The card that `--dataset` means: the name of a shipped card, a card's path, or a plain image folder.

    Raises:
        UserError: it is none of the three, or the card is not valid.
    """
    cards = shipped_cards()
    if dataset in cards:
        return load(cards[dataset])
    path = expanded(dataset)
    if path.is_dir():
        from attrgen.schema.folder_card import from_folder  # it makes a Card, so it imports this module

        return from_folder(path)
    if path.is_file() and path.suffix.lower() in COLLECTION_SUFFIXES:
        raise UserError(
            "a collection in one file has no card yet",
            code="card-collection-file",
            file=path,
            remedy=f"Run {command('vr', 'data', 'card', dataset)} and give the new card to --dataset.",
        )
    if path.is_file() or path.suffix == ".toml":
        return load(path)
    raise UserError(
        f"unknown dataset '{dataset}'",
        code="card-unknown-dataset",
        remedy=f"{did_you_mean(dataset, cards)} A card's path (NAME.toml) or an image folder works too.",
    )


def load(path: Path) -> Card:
    """Read a card.

    Raises:
        UserError: not there, not UTF-8, not TOML, an unknown key, a missing key, or a wrong value.
    """
    return read_toml(Card, path, what="dataset card", code="card")
