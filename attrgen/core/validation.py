"""JSON and TOML of a user, read through a pydantic model: one strict base, one translation of errors."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from attrgen.core.decoding import decoding, reason_of
from attrgen.core.errors import UserError, one_or_many
from attrgen.core.files import LARGEST_TEXT, read_text
from attrgen.core.names import did_you_mean
from attrgen.core.secrets import masked

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)
KeyPath = tuple[int | str, ...]
_MOST_KEY_PARTS = 64  # of a dotted TOML key
# A backslash in a double-quoted text of TOML that begins none of its escapes, such as that of "\d+".
_WRONG_ESCAPE = re.compile(
    r'(?m)^[^"\'#\n]*"(?:[^"\\\n]|\\(?:[btnfr"\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}))*'
    r'\\(?![btnfr"\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})'
)
_ON_ESCAPES = (
    "In double quotes a backslash starts an escape: write patterns and paths with backslashes in single "
    "quotes, such as 'patient(\\d+)'."
)
_MOST_ERRORS = 50  # of one file that a message lists
_LONGEST_KEY = 200  # characters of a key's path that a message repeats
_LONGEST_INPUT = 60  # characters of a wrong value that a message repeats


class Strict(BaseModel):
    """A model that refuses unknown keys, and numbers that are none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Frozen(Strict):
    """A strict model that never changes; a copy drops the values of cached properties."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's; cached properties are computed again."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


class Location(NamedTuple):
    """Where a wrong value is, as a message names it.

    Args:
        key: its dotted path, such as "images.window"; empty for the whole value.
        line: in the file, from 1.
        class_name: the class that it belongs to.
    """

    key: str
    line: int | None = None
    class_name: str | None = None


class Wording(NamedTuple):
    """Other words for one type of pydantic error; None keeps the usual ones."""

    what: str | None = None
    remedy: str | None = None


@dataclass(frozen=True)
class Context:
    """How errors of one kind of value are reported.

    Args:
        what: what the value should be, for messages: "dataset card".
        code: the first part of the error code; "card" gives card-unknown-key, card-missing-key, card-value.
        file: where the value was read.
        remedy: how to fix a wrong value.
        locate: from pydantic's location (keys and indices) to where the value is.
        wording: other words, by pydantic's type of error ("too_short").
    """

    what: str
    code: str
    file: str | Path | None = None
    remedy: str = "Correct the value."
    locate: Callable[[KeyPath], Location] = lambda path: Location(dotted(path))
    wording: Mapping[str, Wording] = field(default_factory=dict)


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
        what, code, file, remedy: see `Context`.
        within: the key of the value.

    Raises:
        UserError: an unknown key, a missing key, a wrong value; several are reported together.
    """
    context = Context(what, code, file, remedy, lambda path: Location(dotted((within, *path))))
    try:
        return model.model_validate(value, strict=strict)
    except ValidationError as error:
        raise one_or_many(translated(error, model, context)) from error


def translated(error: ValidationError, model: type[BaseModel], context: Context) -> list[UserError]:
    """What pydantic found wrong, each as an error in the program's own words."""
    items = error.errors(include_url=False, include_context=False)
    at_or_below = Counter(
        path[:end] for path in (item["loc"] for item in items) for end in range(len(path) + 1)
    )
    # pydantic counts valid entries only, so that one wrong entry may make its list too short as well
    chosen = [item for item in items if item["type"] != "too_short" or at_or_below[item["loc"]] == 1]
    errors = [_translated(item, model, context) for item in chosen[:_MOST_ERRORS]]
    if len(chosen) > _MOST_ERRORS:
        more = f"{len(chosen) - _MOST_ERRORS:,} more values of it are wrong"
        errors.append(UserError(more, code=f"{context.code}-value", file=context.file))
    return errors


def _translated(item: ErrorDetails, model: type[BaseModel], context: Context) -> UserError:
    path = tuple(part for part in item["loc"] if part != "[key]")
    key, line, class_name = context.locate(path)
    key = key[:_LONGEST_KEY]
    other = context.wording.get(item["type"], Wording())
    if item["type"] == "extra_forbidden":
        kind, what, remedy = "unknown-key", f"unknown key '{key}'", _near_keys(model, path)
    elif item["type"] == "missing":
        kind, what, remedy = "missing-key", f"key '{key}' is missing", "Add it."
    else:
        kind, remedy = "value", context.remedy
        message = other.what or item["msg"].removeprefix("Value error, ")
        if key and isinstance(item["input"], (str, int, float, bool)):
            key = f"{key} = {_shortened(repr(item['input']))}"
        what = f"{key}: {message}" if key else message
    return UserError(
        what,
        code=f"{context.code}-{kind}",
        file=context.file,
        line=line,
        class_name=class_name,
        remedy=other.remedy or remedy,
    )


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
    text = read_text(path, what=what, missing=missing)
    _check_toml_keys(text, path, code)
    try:
        with decoding(path, what="not TOML", code=f"{code}-not-toml", remedy="Correct the syntax there."):
            return tomllib.loads(text)
    except UserError as error:
        if _WRONG_ESCAPE.search(text) is None:
            raise
        raise UserError(
            error.what, code=f"{code}-not-toml", file=path, remedy=f"{error.remedy} {_ON_ESCAPES}"
        ) from error


def _check_toml_keys(text: str, path: Path, code: str) -> None:
    """Refuse keys of very many parts, for which the parser would take hours."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > _MOST_KEY_PARTS:
            pieces = re.split(r"[=,{}\[\]]", re.sub(r""""[^"]*"|'[^']*'""", "", line))
            if max(piece.count(".") for piece in pieces) > _MOST_KEY_PARTS:
                raise UserError(
                    f"a key has more than {_MOST_KEY_PARTS} parts",
                    code=f"{code}-not-toml",
                    file=path,
                    line=number,
                    remedy="Correct the key.",
                )


def read_json(
    model: type[M],
    path: Path,
    *,
    what: str,
    code: str,
    missing: str = "Check the path.",
    remedy: str = "Restore the file.",
    largest: int = LARGEST_TEXT,
) -> M:
    """An object of `model` from a JSON file; arguments as for `validate` and `read_bytes`.

    Raises:
        UserError: not there, not UTF-8, not JSON, or not of the model's form.
    """
    text = read_text(path, what=what, missing=missing, largest=largest)
    return validate_json(model, text, what=what, code=code, file=path, remedy=remedy)


def validate_json(
    model: type[M],
    text: str,
    *,
    what: str,
    code: str,
    file: str | Path | None = None,
    remedy: str = "Correct the value.",
) -> M:
    """An object of `model` from JSON text; arguments as for `validate`.

    Raises:
        UserError: not JSON, or not of the model's form.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        context = Context(what, code, file, remedy)
        raise one_or_many(translated(error, model, context)) from error
    except ValueError as error:  # such as half of a surrogate pair
        raise UserError(
            f"not JSON: {reason_of(error)}", code=f"{code}-value", file=file, remedy=remedy
        ) from error


def dotted(path: KeyPath) -> str:
    """Keys and indices joined by dots; empty ones are left out."""
    return ".".join(str(part) for part in path if part != "")


def _near_keys(model: type[BaseModel], path: KeyPath) -> str:
    """A sentence with the known keys that an unknown one may mean."""
    annotation: Any = model
    for part in path[:-1]:
        annotation = _annotation_of(annotation, part)
    annotation = _unwrapped(annotation)
    known = annotation.model_fields if _is_model(annotation) else ()
    return did_you_mean(str(path[-1]), known) or "Remove it."


def _annotation_of(annotation: Any, part: int | str) -> Any:
    """The type of the value under a key or index of a value of that type; None where it is not known."""
    annotation = _unwrapped(annotation)
    if _is_model(annotation):
        field = annotation.model_fields.get(part)
        return None if field is None else field.annotation
    arguments = get_args(annotation)
    return arguments[-1 if isinstance(part, str) else 0] if arguments else None


def _unwrapped(annotation: Any) -> Any:
    """The type within Annotated and optional ones."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _shortened(text: str) -> str:
    text = masked(text)
    return text if len(text) <= _LONGEST_INPUT else f"{text[:_LONGEST_INPUT]}…"
