"""Which settings of a method `vr tune` tries: derived from its options and recipe, or named by the user."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le, Lt
from pydantic.fields import FieldInfo

from attrgen.core.errors import UserError
from attrgen.core.names import did_you_mean
from vr.methods.common.facts import Options
from vr.methods.common.recipe import Recipe

Value = float | int | str | bool
_BELOW = 0.95  # of a limit that must not be reached
_FACTOR = 10.0  # a number is tried from a tenth to ten times its default
_RECIPE = ("lr",)  # settings of a recipe that are tuned unless others are named
# Ablations and limits: choices that weaken a method on purpose, or that are no part of it.
_FIXED = ("corrupt_positives", "pad_to", "choose_by")


@dataclass(frozen=True)
class Range:
    """A number between two ends, on a logarithmic scale where both are positive."""

    low: float
    high: float
    whole: bool = False

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return "|".join(
            str(value).lower() if isinstance(value, bool) else str(value) for value in self.values
        )


Space = dict[str, Range | Choice]


def space_of(options: Options, recipe: Recipe, named: Mapping[str, str] | None = None) -> Space:
    """The settings to try, by name, around the values of `options` and `recipe`.

    Args:
        named: by setting, `LOW..HIGH`, `a|b|c`, or an empty text for what it has by default; only these are
            tried then.

    Raises:
        UserError: an unknown setting, or values that are not of these forms or out of range.
    """
    fields = {**_fields(recipe), **_fields(options)}
    default = {
        key: dimension
        for key, (field, value) in fields.items()
        if ((key in _RECIPE and recipe.epochs > 0) or key in type(options).model_fields)
        and key not in _FIXED
        and (dimension := _dimension(field, value)) is not None
    }
    if not named:
        return default
    chosen: Space = {}
    for key, text in named.items():
        if key not in fields:
            raise UserError(
                f"there is no setting '{key}'",
                code="tune-unknown-setting",
                remedy=f"{did_you_mean(key, fields)} There are: {', '.join(fields)}.",
            )
        dimension = _parsed(key, text, fields[key][1]) if text else default.get(key)
        if dimension is None:
            raise _not_a_range(key, text)
        chosen[key] = dimension
    return chosen


def _fields(values: Options | Recipe) -> dict[str, tuple[FieldInfo, Any]]:
    return {key: (field, getattr(values, key)) for key, field in type(values).model_fields.items()}


def _dimension(field: FieldInfo, value: Any) -> Range | Choice | None:
    """What is tried of a setting; None where its type says nothing of what is sensible."""
    if get_origin(field.annotation) is Literal:
        return Choice(tuple(get_args(field.annotation)))
    if isinstance(value, bool):
        return Choice((True, False))
    if not isinstance(value, (int, float)) or value <= 0:
        return None
    low, high = value / _FACTOR, value * _FACTOR
    for limit in field.metadata:
        if isinstance(limit, Ge):
            low = max(low, float(limit.ge))  # type: ignore[arg-type]
        elif isinstance(limit, Le):
            high = min(high, float(limit.le))  # type: ignore[arg-type]
        elif isinstance(limit, Lt):
            high = min(high, _BELOW * float(limit.lt))  # type: ignore[arg-type]
    whole = isinstance(value, int)
    return Range(max(1, round(low)), round(high), whole) if whole else Range(low, high)


def _parsed(key: str, text: str, value: Any) -> Range | Choice:
    if ".." in text:
        low, _, high = text.partition("..")
        try:
            ends = float(low), float(high)
        except ValueError as error:
            raise _not_a_range(key, text) from error
        if not ends[0] < ends[1]:
            raise _not_a_range(key, text)
        return Range(*ends, whole=isinstance(value, int) and not isinstance(value, bool))
    words = [word for word in text.split("|") if word]
    if len(words) < 2:
        raise _not_a_range(key, text)
    return Choice(tuple(_value(word) for word in words))


def _value(word: str) -> Value:
    try:
        value = json.loads(word)
    except ValueError:
        return word
    return value if isinstance(value, (bool, int, float, str)) else word


def _not_a_range(key: str, text: str) -> UserError:
    return UserError(
        f"--search {key}={text}: not a range of values",
        code="tune-search-form",
        remedy=f"Write {key}=0.1..10 or {key}=a|b|c.",
    )


def parse(words: Sequence[str]) -> dict[str, str]:
    """`KEY=VALUES` words as a dictionary; `KEY` alone takes what it has by default."""
    pairs = (word.partition("=") for word in words)
    return {key.strip().replace("-", "_"): values.strip() for key, _, values in pairs}
