"""From the words of an option to values, and checks that commands share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrgen.core.errors import UserError
from vr.cli.options_train import SHORTCUTS

if TYPE_CHECKING:
    from vr.runs.experiment import Experiment


def experiment(flags: Mapping[str, Any], settings: Iterable[str] = ()) -> Experiment:
    """What a command's flags ask for.

    Args:
        flags: values by parameter name; a field of `Experiment` is set by the flag of its name, as are the
            training recipe and the options in `SHORTCUTS`. Other flags are ignored.
        settings: `key=value` words of `--set`; they win over flags.

    Raises:
        UserError: a setting is not `key=value`.
    """
    from vr.methods.common.base import Recipe
    from vr.runs.experiment import Experiment
    from vr.runs.settings import split_settings

    given_flags = given(**flags)
    set_options, set_recipe = split_settings(assignments(settings))
    fields = {key: value for key, value in given_flags.items() if key in Experiment.model_fields}
    return Experiment.model_validate(
        {
            **fields,
            "classes": names(flags.get("classes", "")),
            "options": {key: given_flags[key] for key in SHORTCUTS if key in given_flags} | set_options,
            "recipe": {key: given_flags[key] for key in Recipe.model_fields if key in given_flags}
            | set_recipe,
        }
    )


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
