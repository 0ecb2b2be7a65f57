"""An experiment from a file: a user's TOML file, or the `config.json` of a run that is to be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError, one_or_many
from attrgen.core.names import did_you_mean
from attrgen.core.validation import toml_values, validate
from vr.methods import find_declaration
from vr.methods.common.recipe import Recipe
from vr.runs import run as runs
from vr.runs.experiment import Experiment
from vr.runs.settings import preset_of_run, split_settings


def experiment_of(file: Path, flags: Mapping[str, str] | None = None) -> Experiment:
    """What a file asks for.

    A TOML file has the names of the command's options as keys (`batch-size` or `batch_size`), and options of
    the method and its recipe in the tables `[options]` and `[recipe]`. A run's `config.json` asks for that
    run again, in its directory, with its own sample and attributes.

    Args:
        flags: by the name of an option of the command what it stands for: a field of an experiment or of a
            recipe, else an option of the method.

    Raises:
        UserError: not there, not TOML or a run's configuration, an unknown key, a value out of range.
    """
    if file.suffix == ".json":
        return _of_run(file)
    values = toml_values(file, what="configuration of a training", code="experiment")
    values = {key.replace("-", "_"): value for key, value in values.items()}
    if flags:
        _check_keys(values, flags, file)
    values = _at_their_place(values, flags or {})
    for table in ("options", "recipe"):
        if isinstance(values.get(table), dict):
            values[table] = {key.replace("-", "_"): value for key, value in values[table].items()}
    both = isinstance(values.get("options"), dict) and isinstance(values.get("recipe", {}), dict)
    if both:  # a setting of the recipe may stand in either table
        options, recipe = split_settings(values["options"])
        values |= {"options": options, "recipe": {**recipe, **values.get("recipe", {})}}
    return validate(Experiment, values, what="configuration", code="experiment", file=file)


def _check_keys(values: Mapping[str, Any], flags: Mapping[str, str], file: Path) -> None:
    """Check that each key is an option of the command, or a field or table of an experiment."""
    known = (*flags, *(name for name in Experiment.model_fields if name not in flags.values()))
    errors = [
        UserError(
            f"unknown key '{key}'",
            code="experiment-unknown-key",
            file=file,
            remedy=f"{did_you_mean(key, known)} Options of a method go into the table [options].".strip(),
        )
        for key in values
        if key not in known and key not in Experiment.model_fields and key not in Recipe.model_fields
    ]
    if errors:
        raise one_or_many(errors)


def _at_their_place(values: Mapping[str, Any], flags: Mapping[str, str]) -> dict[str, Any]:
    """The values with options of the recipe and the method in their tables; what a table says wins."""
    fields: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for key, value in values.items():
        name = key if key in Experiment.model_fields else flags.get(key, key)
        known = name in Experiment.model_fields or not (key in flags or name in Recipe.model_fields)
        (fields if known else settings)[name] = value
    table = fields.get("options", {})
    if settings and isinstance(table, dict):
        fields["options"] = {**settings, **table}
    return fields


def _of_run(file: Path) -> Experiment:
    folder = file.parent
    config = runs.read_config_file(file)
    kind = find_declaration(config.method)
    values: dict[str, Any] = {
        "card": config.card,
        "data": config.data,
        "data_format": config.data_format,
        "method": config.method,
        "preset": preset_of_run(kind, config.preset),
        "options": kind.options_type.of_run(config.options).model_dump(),
        "recipe": config.recipe.model_dump(),
        "shots": config.shots,
        "seed": config.seed,
        "backbone": config.backbone.name,
        "weights": config.backbone.weights,
        "precision": config.precision,
        "select": config.select,
        "out": folder,
    }
    if config.attributes is not None and (folder / runs.ATTRIBUTES).is_file():
        values["attrs"] = folder / runs.ATTRIBUTES
    if config.fold is not None:
        values |= {"folds": config.fold.folds, "fold": config.fold.number, "out": folder.parent}
    elif (folder / runs.FEWSHOT).is_file():
        values["fewshot"] = folder / runs.FEWSHOT
    return validate(Experiment, values, what="run configuration", code="run-config", file=file)
