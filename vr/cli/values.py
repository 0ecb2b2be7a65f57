"""From the words of an option to values, and checks that commands share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrgen.core.errors import UserError
from vr.cli.options_train import SHORTCUTS

if TYPE_CHECKING:
    import typer

    from vr.runs.experiment import Experiment


def experiment(
    flags: Mapping[str, Any], settings: Iterable[str] = (), base: Experiment | None = None
) -> Experiment:
    """What a command's flags ask for.

    Args:
        flags: values by parameter name; a field of `Experiment` is set by the flag of its name, as are the
            training recipe and the options in `SHORTCUTS`. Other flags are ignored.
        settings: `key=value` words of `--set`; they win over flags.
        base: an experiment from a file, which flags and settings change.

    Raises:
        UserError: a setting is not `key=value`.
    """
    from vr.methods.common.recipe import Recipe
    from vr.runs.experiment import Experiment
    from vr.runs.settings import split_settings

    given_flags = given(**flags)
    set_options, set_recipe = split_settings(assignments(settings))
    fields = {key: value for key, value in given_flags.items() if key in Experiment.model_fields}
    if "classes" in fields:
        fields["classes"] = names(fields["classes"])
    before = {} if base is None else _kept(base, fields)
    options = {key: given_flags[key] for key in SHORTCUTS if key in given_flags} | set_options
    recipe = {key: given_flags[key] for key in Recipe.model_fields if key in given_flags} | set_recipe
    return Experiment.model_validate(
        {
            **before,
            **fields,
            "options": {**before.get("options", {}), **options},
            "recipe": {**before.get("recipe", {}), **recipe},
        }
    )


def _kept(base: Experiment, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a file asks for, without what a flag makes meaningless: another dataset has another sample."""
    values = {name: getattr(base, name) for name in base.model_fields_set}
    makes_meaningless = {
        "dataset": ("card", "data", "data_format", "attrs", "fewshot", "out"),
        "method": ("preset", "options", "recipe", "out"),
        "preset": ("options", "recipe", "out"),
        "shots": ("fewshot", "out"),
        "seed": ("fewshot", "out"),
    }
    dropped = {other for name in fields for other in makes_meaningless.get(name, ())}
    return {name: value for name, value in values.items() if name not in dropped}


def typed(context: typer.Context) -> dict[str, Any]:
    """The flags that were typed, by parameter name; defaults are left out."""
    return {
        name: value
        for name, value in context.params.items()
        if (source := context.get_parameter_source(name)) is not None and source.name != "DEFAULT"
    }


def assignments(words: Iterable[str]) -> dict[str, Any]:
    """`key=value` words as a dictionary; a value that is JSON (3, true, null) is read as JSON, else as text.

    Raises:
        UserError: a word without '='.
    """
    settings: dict[str, Any] = {}
    for word in words:
        key, sign, value = word.partition("=")
        key = key.strip().replace("-", "_")
        if not sign or not key:
            raise UserError(
                f"--set {word}: not of the form key=value",
                code="option-not-key-value",
                remedy="Write for instance --set k=5.",
            )
        try:
            settings[key] = json.loads(value)
        except ValueError:
            settings[key] = value
    return settings


def names(words: str) -> tuple[str, ...]:
    """The parts of a comma-separated list, without blanks around them."""
    return tuple(part.strip() for part in words.split(",") if part.strip())


def numbers(words: str, option: str) -> tuple[int, ...]:
    """Whole numbers of a comma-separated list; `option` is its name, for messages.

    Raises:
        UserError: a part is no whole number.
    """
    try:
        return tuple(int(part) for part in names(words))
    except ValueError as error:
        raise UserError(
            f"--{option} {words}: not whole numbers separated by commas",
            code="option-not-whole-numbers",
            remedy=f"Write for instance --{option} 1,2,3.",
        ) from error


def given(**values: Any) -> dict[str, Any]:
    """Those of the options that the user gave."""
    return {key: value for key, value in values.items() if value is not None}


def check_free(*paths: Path | None, remedy: str = "Choose another path.") -> None:
    """Check that files to be written do not exist yet; an option that was not given is None.

    Raises:
        UserError: one exists.
    """
    for path in paths:
        if path is not None and path.exists():
            raise UserError("exists already", code="file-exists", file=path, remedy=remedy)


def from_here(path: Path) -> Path:
    """A path as a person in the working folder writes it: relative where it is below that folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
