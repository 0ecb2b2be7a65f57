"""What a user asks of an experiment, and the same with every name found, before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from attrgen.core.errors import UserError
from attrgen.schema import attribute_set, library, matching
from attrgen.schema import card as cards
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from vr.clip import backbone as backbones
from vr.data.sources import open_dataset
from vr.methods import find_method
from vr.methods.common.base import Method
from vr.methods.common.facts import Options
from vr.methods.common.recipe import Recipe
from vr.runs import run as runs
from vr.runs.run import RunConfig
from vr.runs.selection import Select

Say = Callable[[str], None]


class Experiment(BaseModel):
    """What a user asks of `vr train`, or a recipe of one cell of `vr sweep`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    runs: Path = Path("runs")
    out: Path | None = None


class Resolved(BaseModel):
    """An experiment whose names have become things, before anything heavy is loaded."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    asked: Experiment
    card: Card
    source: Any
    attributes: AttributeSet | None
    attributes_file: Path | None
    kind: type[Method]
    options: Options
    recipe: Recipe
    path: Path


def resolve(asked: Experiment, say: Say = lambda line: None) -> Resolved:
    """Find the card, images, attributes, method, options, recipe and run directory.

    Raises:
        UserError: any of them is not there, does not fit the others, or has a value out of range.
    """
    kind = find_method(asked.method)
    preset_options, preset_recipe = preset(kind, asked.preset, asked.shots)
    options = _changed(preset_options, asked.options, f"{asked.method} has no option")
    recipe = _changed(preset_recipe, asked.recipe, "a recipe has no setting")
    if preset_recipe.epochs == 0 and recipe != preset_recipe:
        say(f"{asked.method} has no training loop: {', '.join(asked.recipe)} passed over")
        recipe = preset_recipe
    attributes = None if asked.attrs is None else attribute_set.load(asked.attrs)
    dataset = asked.dataset or (attributes.dataset if attributes is not None else None)
    if dataset is None:
        raise UserError("nothing says which dataset", remedy="Give --attrs FILE or --dataset NAME.")
    try:
        card, source = open_dataset(dataset, asked.data, classes=asked.classes, format=asked.data_format)
    except UserError as error:
        if asked.dataset is None and attributes is not None and error.what.startswith("unknown dataset"):
            raise UserError(
                f"its dataset '{dataset}' has no card here",
                file=asked.attrs,
                remedy="Name the card or the image folder with --dataset.",
            ) from error
        raise
    file = asked.attrs
    if attributes is None:
        attributes, file = _usual_attributes(card, say)
    if attributes is not None:
        full = cards.find(dataset) if asked.classes and dataset in cards.shipped_cards() else None
        attributes = _fitted(attributes, card, full, file)
    _check_kinds(kind, options, attributes, card, file)
    for note in source.notes:
        say(note)
    return Resolved(
        asked=asked,
        card=card,
        source=source,
        attributes=attributes,
        attributes_file=file,
        kind=kind,
        options=options,
        recipe=recipe,
        path=asked.out or _place(asked, card, kind, options, recipe),
    )


def parted(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings by name as those of the method and those of the recipe."""
    recipe = {key: value for key, value in settings.items() if key in Recipe.model_fields}
    return {key: value for key, value in settings.items() if key not in recipe}, recipe


def label_of(config: RunConfig) -> str:
    """The method of a run with what differs from its defaults: `biomedvr`, `biomedvr fusion=subtract`."""
    kind = find_method(config.method)
    options = kind.options_type.model_validate(config.options)
    changed = _differences(kind, config.preset, config.shots, options, config.recipe, config.select)
    return " ".join([config.method, *(f"{key}={value}" for key, value in changed.items())])


def _place(asked: Experiment, card: Card, kind: type[Method], options: Options, recipe: Recipe) -> Path:
    changed = _differences(kind, asked.preset, asked.shots, options, recipe, asked.select)
    for key in ("backbone", "weights"):
        value = getattr(asked, key)
        if value != Experiment.model_fields[key].default:
            changed[key] = Path(value).name
    return runs.default_path(asked.runs, card, asked.method, asked.shots, asked.seed, changed)


def _differences(
    kind: type[Method], name: str, shots: int, options: Options, recipe: Recipe, select: str
) -> dict[str, Any]:
    usual_options, usual_recipe = preset(kind, name, shots)
    changed = {} if name == "default" else {"preset": name}
    for usual, now in ((usual_options, options), (usual_recipe, recipe)):
        before = usual.model_dump(mode="json")
        changed |= {key: value for key, value in now.model_dump(mode="json").items() if value != before[key]}
    return changed if select == "last" else {**changed, "select": select}


def _check_kinds(
    kind: type[Method], options: Options, attributes: AttributeSet | None, card: Card, file: Path | None
) -> None:
    kinds = kind.required_kinds(options, attributes)
    if kinds and attributes is None:
        raise UserError(
            f"{kind.name} needs an attribute set, and there is none for '{card.name}'",
            remedy=f"Make one with `attrgen build --dataset {card.name}` and give it with --attrs FILE.",
        )
    if attributes is not None:
        matching.require(attributes, kinds, file=file)


def preset(kind: type[Method], name: str, shots: int) -> tuple[Options, Recipe]:
    """Options and recipe of a method's preset at a number of shots.

    Raises:
        UserError: the method has no such preset.
    """
    options, recipe = kind.options_type(), kind.recipe
    if name != "default":
        if name not in kind.presets:
            known = ("default", *kind.presets)
            raise UserError(
                f"{kind.name} has no preset '{name}'",
                code="method-unknown-preset",
                remedy=f"{cards.did_you_mean(name, known)} There are: {', '.join(known)}.",
            )
        changes = kind.presets[name]
        options = _changed(options, changes.options, f"{kind.name} has no option")
        recipe = _changed(recipe, changes.recipe, "a recipe has no setting")
    if shots == 1 and recipe.one_shot_batch_size is not None:
        recipe = recipe.model_copy(update={"batch_size": recipe.one_shot_batch_size})
    return options, recipe


def _changed(values: Any, changes: Mapping[str, Any], unknown: str) -> Any:
    known = type(values).model_fields
    for key in changes:
        if key not in known:
            raise UserError(
                f"{unknown} '{key}'",
                remedy=f"{cards.did_you_mean(key, known)} There are: {', '.join(known) or 'none'}.",
            )
    try:
        return type(values).model_validate({**values.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{place} = {first['input']!r}: {first['msg']}", remedy="Correct the value."
        ) from error


def _usual_attributes(card: Card, say: Say) -> tuple[AttributeSet | None, Path | None]:
    file = Path("attrs") / f"{card.name}.json"
    if file.is_file():
        say(f"attributes: {file}")
        return attribute_set.load(file), file
    found = library.find(card)
    if found is None:
        return None, None
    whole = card.model_copy(update={"classes": card.classes + card.left_out})
    if not all(whole.find_class(name) for name in found.classes):
        say(
            f"the curated library's set '{card.name}' has other class names and is passed over; its own card "
            f"knows them: --dataset {card.name} --data PATH"
        )
        return None, None
    say("attributes: the curated library")
    return found, library.path_of(card.name)


def _fitted(attributes: AttributeSet, card: Card, full: Card | None, file: Path | None) -> AttributeSet:
    if not card.left_out:
        return matching.for_card(attributes, card, file=file)
    whole = full or card.model_copy(update={"classes": card.classes + card.left_out})
    known = [
        entry
        for entry in whole.classes
        if any(entry.spellings() & {cards.fold(n)} for n in attributes.classes)
    ]
    return matching.restricted(attributes, whole.model_copy(update={"classes": tuple(known)}), card)
