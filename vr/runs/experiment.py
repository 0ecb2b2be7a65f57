"""What a user asks of an experiment, and the same resolved, before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from attrgen.core.errors import UserError
from attrgen.core.validation import Frozen
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from vr.clip import source as backbone_source
from vr.clip.source import DEFAULT_NAME
from vr.data.formats.groups import shared_groups_note, unknown_groups_note, unmatched_groups
from vr.data.formats.source import ImageSource
from vr.data.formats.splits import HeldOut
from vr.data.inspection import structure
from vr.data.sources import open_dataset, open_source
from vr.methods import find_declaration
from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options
from vr.methods.common.recipe import Recipe
from vr.runs.attributes import attributes_for, reads_attributes
from vr.runs.naming import default_path, differences, marked
from vr.runs.selection import Select
from vr.runs.settings import changed, preset
from vr.runs.tuning import TuningRecord
from vr.runtime.device import check_device_name

Say = Callable[[str], None]


def silent(line: str) -> None:
    """A `Say` that says nothing."""


class Experiment(Frozen):
    """What a user asks of `vr train`, or one cell of `vr sweep`."""

    dataset: str | None = None
    card: Card | None = Field(None, description="of a run that is repeated, instead of the dataset")
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
    backbone: str = DEFAULT_NAME
    weights: str | None = None
    device: str = "auto"
    precision: str = "auto"
    select: Select = "last"
    oracle: bool = False
    folds: int | None = Field(None, ge=2, description="of a cross-validation; instead of the test split")
    fold: int | None = Field(None, ge=1, description="the fold that is the test set")
    skip_unreadable: bool = False
    validate_epochs: bool = Field(False, description="measure every epoch on validation images")
    limit: int | None = Field(None, ge=1, description="most test images, for a quick try")
    control: str | None = Field(None, description="kind of control texts that the attributes hold")
    tuning: TuningRecord | None = Field(None, description="how the settings were chosen")
    mined: int | None = Field(None, ge=1, description="round in which its confusion texts were mined")
    runs: Path = Path("runs")
    out: Path | None = None


@dataclass(frozen=True)
class Resolved:
    """An experiment with everything that its names stand for.

    Attributes:
        asked: as the user asked for it.
        attributes: with the card's class names; None where the method reads none.
        attributes_file: where they were read.
        kind: what the method says about itself.
        path: the run directory.
    """

    asked: Experiment
    card: Card
    source: ImageSource
    attributes: AttributeSet | None
    attributes_file: Path | None
    kind: type[Declaration]
    options: Options
    recipe: Recipe
    path: Path


def resolve(asked: Experiment, say: Say = silent) -> Resolved:
    """Find the card, images, attributes, method, options, recipe and run directory.

    Raises:
        UserError: any of them is missing, does not fit the others, or has a value out of range; or there is
            no such backbone or device.
    """
    _check_fold(asked)
    backbone_source.check_name(asked.backbone, asked.weights)
    check_device_name(asked.device)
    kind = find_declaration(asked.method)
    options, recipe = _settings(asked, kind, say)
    asked = _selecting(asked, recipe, say)
    given = _given(asked, kind, options)
    card, source = _images(asked, given)
    attributes, file = attributes_for(
        card, kind, options, dataset=_dataset(asked, given), file=asked.attrs, given=given, say=say
    )
    if say is not silent:  # some remarks are found by decoding images
        _report(source, card, say, asked)
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


def _report(source: ImageSource, card: Card, say: Say, asked: Experiment) -> None:
    """Say how the collection was read, what was left out or guessed, and what looks wrong.

    Of a cross-validation the first fold says it, and no test split is held out.
    """
    if (asked.fold or 1) > 1:
        return
    notes = [note for note in source.notes if asked.folds is None or not isinstance(note, HeldOut)]
    for line in (*notes, *source.remarks, *structure.offers(source, card)):
        say(line)
    if (unknown := unknown_groups_note(source.splits, card)) is not None:
        say(unknown)
    if (unmatched := unmatched_groups(source.splits, card)) is not None:
        say(f"warning: {unmatched}")
    for line in structure.suspicions(source, card):
        say(f"warning: {line}")
    if (shared := shared_groups_note(source.splits)) is not None:
        say(f"warning: {shared}")


def _settings(asked: Experiment, kind: type[Declaration], say: Say) -> tuple[Options, Recipe]:
    """Options and recipe: the preset's, with the user's changes."""
    preset_options, preset_recipe = preset(kind, asked.preset, asked.shots)
    options, recipe = changed(kind, preset_options, preset_recipe, asked.options, asked.recipe)
    if preset_recipe.epochs == 0 and recipe != preset_recipe:
        say(f"{kind.name} has no training loop: {', '.join(asked.recipe)} ignored")
        recipe = preset_recipe
    return options, recipe


def _selecting(asked: Experiment, recipe: Recipe, say: Say) -> Experiment:
    """The experiment; with early stopping it keeps the epoch that is best on validation."""
    if recipe.early_stopping is None or asked.select == "val":
        return asked
    say("early stopping keeps the epoch that is best on validation images")
    return asked.model_copy(update={"select": "val"})


def _given(asked: Experiment, kind: type[Declaration], options: Options) -> AttributeSet | None:
    """The set that the user names, where it is needed: by the method, or because it names the dataset."""
    needed = asked.dataset is None and asked.card is None
    if asked.attrs is None or not (needed or reads_attributes(kind, options)):
        return None
    return attribute_set.load(asked.attrs)


def _images(asked: Experiment, attributes: AttributeSet | None) -> tuple[Card, ImageSource]:
    """Card and images of the dataset that the user names, or else the attribute set."""
    if asked.card is not None:
        return asked.card, open_source(asked.card, asked.data, format=asked.data_format)
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
    if dataset is None and asked.card is not None:
        return asked.card.name
    if dataset is None:
        raise UserError(
            "no dataset is given",
            code="experiment-no-dataset",
            remedy="Give --attrs FILE or --dataset NAME.",
        )
    return dataset


def _path(asked: Experiment, card: Card, kind: type[Declaration], options: Options, recipe: Recipe) -> Path:
    """The run directory: as asked, or the default one; a fold has one in it."""
    fold = "" if asked.fold is None else f"fold-{asked.fold}"
    if asked.out is not None:
        return asked.out / fold
    changes = differences(
        kind, asked.preset, asked.shots, options, recipe, asked.select, asked.folds, asked.limit
    )
    changes = marked(changes, asked.control, asked.tuning, asked.mined)
    for key in ("backbone", "weights"):
        value = getattr(asked, key)
        if value != Experiment.model_fields[key].default:
            changes[key] = Path(value).name
    return default_path(asked.runs, card, asked.method, asked.shots, asked.seed, changes) / fold
