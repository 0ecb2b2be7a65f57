"""What a user asks of an experiment, and the same resolved, before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from attrgen.core.errors import UserError
from attrgen.core.validation import Frozen
from attrgen.schema import attribute_set, library, matching
from attrgen.schema import card as cards
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from vr.clip import backbone as backbones
from vr.data.formats.groups import shared_groups_note, unknown_groups_note
from vr.data.formats.source import ImageSource
from vr.data.inspection import structure
from vr.data.sources import open_dataset
from vr.methods import find_method
from vr.methods.common.base import Method, Options, Recipe
from vr.runs.naming import default_path, differences
from vr.runs.selection import Select
from vr.runs.settings import changed, preset

Say = Callable[[str], None]


class Experiment(Frozen):
    """What a user asks of `vr train`, or one cell of `vr sweep`."""

    dataset: str | None = None
    attrs: Path | None = None
    data: Path | None = None
    data_format: str | None = None
    classes: tuple[str, ...] = ()
    method: str = "biomedvr"
    preset: str = "default"
    options: dict[str, Any] = Field(default_factory=dict, description="changes of the method's options")
    recipe: dict[str, Any] = Field(default_factory=dict, description="changes of epochs, lr, batch_size, …")
    shots: int = Field(16, ge=1)
    seed: int = 1
    fewshot: Path | None = None
    backbone: str = backbones.DEFAULT_NAME
    weights: str | None = None
    device: str = "auto"
    precision: str = "auto"
    select: Select = "last"
    oracle: bool = False
    folds: int | None = Field(None, ge=2, description="of a cross-validation; instead of the test split")
    fold: int | None = Field(None, ge=1, description="the fold that is the test set")
    skip_unreadable: bool = False
    runs: Path = Path("runs")
    out: Path | None = None


@dataclass(frozen=True)
class Resolved:
    """An experiment with everything that its names stand for.

    Attributes:
        asked: as the user asked for it.
        attributes: with the card's class names; None where there are none.
        attributes_file: where they were read.
        path: the run directory.
    """

    asked: Experiment
    card: Card
    source: ImageSource
    attributes: AttributeSet | None
    attributes_file: Path | None
    kind: type[Method]
    options: Options
    recipe: Recipe
    path: Path


def resolve(asked: Experiment, say: Say = lambda line: None) -> Resolved:
    """Find the card, images, attributes, method, options, recipe and run directory.

    Raises:
        UserError: any of them is missing, does not fit the others, or has a value out of range.
    """
    _check_fold(asked)
    kind = find_method(asked.method)
    options, recipe = _settings(asked, kind, say)
    given = None if asked.attrs is None else attribute_set.load(asked.attrs)
    card, source = _images(asked, given)
    if given is None:
        attributes, file = _default_attributes(card, say)
    else:
        attributes, file = given, asked.attrs
    if attributes is not None:
        attributes = _for_classes(attributes, card, _whole_card(asked, given, card), file)
    _check_kinds(kind, options, attributes, card, file)
    _report(source, card, say)
    return Resolved(
        asked=asked,
        card=card,
        source=source,
        attributes=attributes,
        attributes_file=file,
        kind=kind,
        options=options,
        recipe=recipe,
        path=_path(asked, card, kind, options, recipe),
    )


def _check_fold(asked: Experiment) -> None:
    if asked.folds is None and asked.fold is None:
        return
    if asked.fold is None or asked.folds is None or asked.fold > asked.folds:
        raise UserError(
            f"fold {asked.fold} of {asked.folds}",
            code="experiment-fold",
            remedy="Give the number of folds and one of them, from 1.",
        )
    if asked.fewshot is not None:
        raise UserError(
            "--fewshot and --folds exclude each other: every fold draws its own sample",
            code="experiment-folds-and-fewshot",
            remedy="Remove --fewshot or --folds.",
        )


def _report(source: ImageSource, card: Card, say: Say) -> None:
    """Say how the collection was read, what was left out or guessed, and what looks wrong."""
    for line in (*source.notes, *source.remarks, *structure.offers(source, card)):
        say(line)
    if (unknown := unknown_groups_note(source.splits)) is not None:
        say(unknown)
    for line in structure.suspicions(source, card):
        say(f"warning: {line}")
    if (shared := shared_groups_note(source.splits)) is not None:
        say(f"warning: {shared}")


def _settings(asked: Experiment, kind: type[Method], say: Say) -> tuple[Options, Recipe]:
    """Options and recipe: the preset's, with the user's changes."""
    preset_options, preset_recipe = preset(kind, asked.preset, asked.shots)
    options, recipe = changed(kind, preset_options, preset_recipe, asked.options, asked.recipe)
    if preset_recipe.epochs == 0 and recipe != preset_recipe:
        say(f"{kind.name} has no training loop: {', '.join(asked.recipe)} ignored")
        recipe = preset_recipe
    return options, recipe


def _images(asked: Experiment, attributes: AttributeSet | None) -> tuple[Card, ImageSource]:
    """Card and images of the dataset that the user names, or else the attribute set."""
    dataset = _dataset(asked, attributes)
    try:
        return open_dataset(dataset, asked.data, classes=asked.classes, format=asked.data_format)
    except UserError as error:
        if asked.dataset is None and error.code == "card-unknown-dataset":
            raise UserError(
                f"its dataset '{dataset}' has no card here",
                code="experiment-attributes-without-card",
                file=asked.attrs,
                remedy="Name the card or the image folder with --dataset.",
            ) from error
        raise


def _dataset(asked: Experiment, attributes: AttributeSet | None) -> str:
    dataset = asked.dataset or (None if attributes is None else attributes.dataset)
    if dataset is None:
        raise UserError(
            "no dataset is given",
            code="experiment-no-dataset",
            remedy="Give --attrs FILE or --dataset NAME.",
        )
    return dataset


def _default_attributes(card: Card, say: Say) -> tuple[AttributeSet | None, Path | None]:
    """The set at `attrs/NAME.json`, or else that of the curated library where its class names fit."""
    file = Path("attrs") / f"{card.name}.json"
    if file.is_file():
        say(f"attributes: {file}")
        return attribute_set.load(file), file
    curated = library.find(card)
    if curated is None:
        return None, None
    whole = _with_left_out(card)
    if not all(whole.find_class(name) for name in curated.classes):
        say(
            f"the curated library's set '{card.name}' has other class names and is not used; its own card "
            f"knows them: --dataset {card.name} --data PATH"
        )
        return None, None
    say("attributes: the curated library")
    return curated, library.path_of(card.name)


def _whole_card(asked: Experiment, attributes: AttributeSet | None, card: Card) -> Card:
    """The card with the classes that `--classes` left out."""
    dataset = _dataset(asked, attributes)
    if asked.classes and dataset in cards.shipped_cards():
        return cards.find(dataset)
    return _with_left_out(card)


def _with_left_out(card: Card) -> Card:
    return card.model_copy(update={"classes": card.classes + card.left_out})


def _for_classes(attributes: AttributeSet, card: Card, whole: Card, file: Path | None) -> AttributeSet:
    """The attributes of the card's classes."""
    if not card.left_out:
        return matching.for_card(attributes, card, file=file)
    spellings = {cards.fold(name) for name in attributes.classes}
    described = tuple(entry for entry in whole.classes if entry.spellings() & spellings)
    return matching.restricted(attributes, whole.model_copy(update={"classes": described}), card)


def _check_kinds(
    kind: type[Method], options: Options, attributes: AttributeSet | None, card: Card, file: Path | None
) -> None:
    kinds = kind.required_kinds(options, attributes)
    if kinds and attributes is None:
        raise UserError(
            f"{kind.name} needs an attribute set, and there is none for '{card.name}'",
            code="experiment-no-attributes",
            remedy=f"Build one with `attrgen build --dataset {card.name}` and give it with --attrs FILE.",
        )
    if attributes is not None:
        matching.require(attributes, kinds, file=file)


def _path(asked: Experiment, card: Card, kind: type[Method], options: Options, recipe: Recipe) -> Path:
    """The run directory: as asked, or the default one; a fold has one in it."""
    fold = "" if asked.fold is None else f"fold-{asked.fold}"
    if asked.out is not None:
        return asked.out / fold
    changes = differences(kind, asked.preset, asked.shots, options, recipe, asked.select, asked.folds)
    for key in ("backbone", "weights"):
        value = getattr(asked, key)
        if value != Experiment.model_fields[key].default:
            changes[key] = Path(value).name
    return default_path(asked.runs, card, asked.method, asked.shots, asked.seed, changes) / fold
