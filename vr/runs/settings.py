"""Options of a method and settings of its recipe: its defaults, then a preset, then what the user changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from attrgen.core.errors import UserError
from attrgen.core.validation import validate
from attrgen.schema.card import did_you_mean
from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options
from vr.methods.common.recipe import Recipe

M = TypeVar("M", bound=BaseModel)


def preset(kind: type[Declaration], name: str, shots: int) -> tuple[Options, Recipe]:
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
                remedy=f"{did_you_mean(name, known)} There are: {', '.join(known)}.",
            )
        changes = kind.presets[name]
        options, recipe = changed(kind, options, recipe, changes.options, changes.recipe)
    if shots == 1 and recipe.one_shot_batch_size is not None:
        recipe = recipe.model_copy(update={"batch_size": recipe.one_shot_batch_size})
    return options, recipe


def preset_of_run(kind: type[Declaration], recorded: str) -> str:
    """The preset that a run recorded, or `default` where this version has none of that name.

    A run records all of its options, so that nothing else is lost.
    """
    return recorded if recorded in kind.presets else "default"


def changed(
    kind: type[Declaration],
    options: Options,
    recipe: Recipe,
    option_changes: Mapping[str, Any],
    recipe_changes: Mapping[str, Any],
) -> tuple[Options, Recipe]:
    """Options and recipe with changes by name.

    Raises:
        UserError: an unknown name, or a value out of range.
    """
    known = (*type(options).model_fields, *type(recipe).model_fields)
    _check_known(f"{kind.name} has no option", option_changes, type(options), known)
    _check_known("a recipe has no setting", recipe_changes, type(recipe), known)
    return _updated(options, option_changes, "method option"), _updated(recipe, recipe_changes, "recipe")


def split_settings(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings by name as those of the method and those of the recipe; unknown ones count as the method's."""
    recipe = {key: value for key, value in settings.items() if key in Recipe.model_fields}
    return {key: value for key, value in settings.items() if key not in recipe}, recipe


def _check_known(
    unknown: str, changes: Mapping[str, Any], model: type[BaseModel], known: Iterable[str]
) -> None:
    names = model.model_fields
    for key in changes:
        if key not in names:
            raise UserError(
                f"{unknown} '{key}'",
                code="method-unknown-setting",
                remedy=f"{did_you_mean(key, known)} There are: {', '.join(names) or 'none'}.",
            )


def _updated(values: M, changes: Mapping[str, Any], what: str) -> M:
    return validate(type(values), {**values.model_dump(), **changes}, what=what, code="method-setting")
