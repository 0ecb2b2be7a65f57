"""JSON and TOML of a user, read through a pydantic model: one strict base, one translation of errors."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from attrgen.core.errors import UserError, one_or_many
from attrgen.core.files import read_text

M = TypeVar("M", bound=BaseModel)
_LONGEST_INPUT = 60  # characters of a wrong value that a message repeats


class Strict(BaseModel):
    """A model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid")


class Frozen(Strict):
    """A strict model that never changes; a copy drops the values of cached properties."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's; cached properties are computed anew."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


def validate(
    model: type[M],
    value: Any,
    *,
    what: str,
    code: str,
    file: str | Path | None = None,
    remedy: str = "Correct the value.",
    within: str = "",
    strict: bool | None = None,
) -> M:
    """An object of `model` made from `value`.

    Args:
        what: what the value should be, for messages: "dataset card".
        code: the first part of the error code; "card" gives card-unknown-key, card-missing-key, card-value.
        file: where the value was read.
        remedy: how to fix a wrong value.
        within: the key under which the value stands.

    Raises:
        UserError: an unknown key, a missing key, a wrong value; several are told together.
    """
    try:
        return model.model_validate(value, strict=strict)
    except ValidationError as error:
        raise translated(
            error, model, what=what, code=code, file=file, remedy=remedy, within=within
        ) from error


def translated(
    error: ValidationError,
    model: type[BaseModel],
    *,
    what: str,
    code: str,
    file: str | Path | None = None,
    remedy: str = "Correct the value.",
    within: str = "",
) -> UserError:
    """What pydantic found wrong, in the program's own words; arguments as for `validate`."""
    errors = []
    for item in error.errors(include_url=False, include_context=False):
        key = ".".join(str(part) for part in ((within,) if within else ()) + item["loc"])
        if item["type"] == "extra_forbidden":
            known = ", ".join(_fields(model, item["loc"]))
            errors.append(
                UserError(
                    f"unknown key '{key}'",
                    code=f"{code}-unknown-key",
                    file=file,
                    remedy=f"Keys of a {what}: {known}." if known else "Remove it.",
                )
            )
        elif item["type"] == "missing":
            errors.append(
                UserError(f"key '{key}' is missing", code=f"{code}-missing-key", file=file, remedy="Add it.")
            )
        else:
            message = item["msg"].removeprefix("Value error, ")
            if key and isinstance(item["input"], (str, int, float, bool)):
                key = f"{key} = {_shortened(repr(item['input']))}"
            errors.append(
                UserError(
                    f"{key}: {message}" if key else message, code=f"{code}-value", file=file, remedy=remedy
                )
            )
    return one_or_many(errors)


def read_toml(model: type[M], path: Path, *, what: str, code: str, missing: str = "Check the path.") -> M:
    """An object of `model` from a TOML file; `what` and `code` as for `validate`.

    Raises:
        UserError: not there, not UTF-8, not TOML, or not of the model's form.
    """
    return validate(
        model, toml_values(path, what=what, code=code, missing=missing), what=what, code=code, file=path
    )


def toml_values(path: Path, *, what: str, code: str, missing: str = "Check the path.") -> dict[str, Any]:
    """The values of a TOML file.

    Raises:
        UserError: not there, not UTF-8, or not TOML.
    """
    try:
        return tomllib.loads(read_text(path, what=what, missing=missing))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UserError(
            f"not TOML: {reason}", code=f"{code}-not-toml", file=path, remedy="Correct the syntax there."
        ) from error


def read_json(
    model: type[M],
    path: Path,
    *,
    what: str,
    code: str,
    missing: str = "Check the path.",
    remedy: str = "Restore the file.",
) -> M:
    """An object of `model` from a JSON file; arguments as for `validate`.

    Raises:
        UserError: not there, not UTF-8, not JSON, or not of the model's form.
    """
    text = read_text(path, what=what, missing=missing)
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise translated(error, model, what=what, code=code, file=path, remedy=remedy) from error


def _fields(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys of the model itself; none for a wrong key further down, whose model is not at hand."""
    return tuple(model.model_fields) if len(location) == 1 else ()


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_INPUT else f"{text[:_LONGEST_INPUT]}…"
