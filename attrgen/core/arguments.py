"""Arguments of the public functions: a wrong type is the program's own error, not a traceback from within."""

from __future__ import annotations

import functools
import inspect
import os
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from attrgen.core.errors import UserError

F = TypeVar("F", bound=Callable[..., Any])
_SHOWN = 60  # characters of a wrong value


def checked(function: F) -> F:
    """The function, with its arguments compared with their annotations before it is called.

    Only what is plain is compared: classes, unions, literals, and whether something is a sequence or a
    mapping; an annotation that names a package that is not loaded is left to the function.

    Raises:
        UserError: (the function) an argument has another type than its annotation says.
    """
    signature = inspect.signature(function)
    hints: dict[str, Any] = {}

    @functools.wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        bound = signature.bind(*arguments, **named)  # a missing or unknown argument is Python's own error
        for name, value in bound.arguments.items():
            if name not in hints:
                hints[name] = _evaluated(function, signature.parameters[name])
            if not fits(value, hints[name]):
                raise _wrong(function, name, value, signature.parameters[name].annotation)
        return function(*arguments, **named)

    return wrapped  # type: ignore[return-value]


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, as far as that is plain; True where it is not."""
    if hint is Any:
        return True
    origin = get_origin(hint)
    if hint is None or hint is type(None):
        return value is None
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    kind = origin or hint
    if kind is Path:
        return isinstance(value, os.PathLike)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, Mapping) and isinstance(kind, type) and issubclass(kind, Mapping):
        return all(fits(one, (get_args(hint) or (Any, Any))[1]) for one in value.values())
    if origin is not None and isinstance(value, (str, bytes)):
        return kind is type(value)  # a text is a sequence, but not a list of names
    return isinstance(value, kind) if isinstance(kind, type) else True


def _evaluated(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    annotation = parameter.annotation
    special = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    if special or annotation is parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, function.__globals__)
    except NameError:  # a type that only a type checker imports
        return Any


def _wrong(function: Callable[..., Any], name: str, value: Any, annotation: Any) -> UserError:
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return UserError(
        f"{function.__name__}: {name} = {shown} is a {type(value).__name__}",
        code="argument-wrong-type",
        remedy=f"It should be: {annotation}.",
    )
