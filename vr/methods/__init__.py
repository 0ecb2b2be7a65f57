"""The systems of the table, one file each, and those of other packages; found by name.

A built-in method is a class with a `name` in a file of this folder. Another package adds one by an entry
point of the group `vr.methods`, whose name is the method's: `my-method = "package.module:MyMethod"`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

from attrgen.core.errors import UserError
from attrgen.core.plugins import Extensions
from attrgen.core.shell import command
from attrgen.schema.card import did_you_mean

if TYPE_CHECKING:
    from vr.methods.common.base import Method


@cache
def built_in_methods() -> dict[str, type[Method]]:
    """The methods of this folder by name, in the order of tables: by family, then by year."""
    from vr.methods.common.base import Method

    methods = [
        value
        for info in pkgutil.iter_modules(__path__, f"{__name__}.")
        if not info.ispkg
        for value in vars(importlib.import_module(info.name)).values()
        if isinstance(value, type) and issubclass(value, Method) and value.__module__ == info.name
    ]
    return {method.name: method for method in sorted(methods, key=_table_order)}


def all_methods() -> dict[str, type[Method]]:
    """The built-in methods, then those of other packages.

    Raises:
        UserError: a method of another package cannot be used.
    """
    return {**built_in_methods(), **{name: EXTENSIONS.load(name) for name in EXTENSIONS.names()}}


def find_method(name: str) -> type[Method]:
    """The method of that name.

    Raises:
        UserError: there is none (the message lists the nearest names), or its package cannot be used.
    """
    offered = EXTENSIONS.names()
    if name in offered:
        return EXTENSIONS.load(name)
    built_in = built_in_methods()
    if name not in built_in:
        raise UserError(
            f"unknown method '{name}'",
            code="method-unknown",
            remedy=f"{did_you_mean(name, [*built_in, *offered])} {command('vr', 'methods')} lists all.",
        )
    return built_in[name]


def _table_order(method: type[Method]) -> tuple[int, int, str, str]:
    # The number of an arXiv preprint, at the end of its URL, orders the papers of one year.
    from vr.methods.common.facts import FAMILIES

    return FAMILIES.index(method.family), method.reference.year, method.reference.url, method.name


def _problem(name: str, value: Any) -> str | None:
    from vr.methods.common.base import Method

    if name in built_in_methods():
        return "a method of this name is built in"
    if not (isinstance(value, type) and issubclass(value, Method)):
        return f"it is not a subclass of {Method.__module__}.Method"
    return None if value.name == name else f"its name is '{value.name}'"


EXTENSIONS: Extensions[type[Method]] = Extensions("vr.methods", "method", "method-plugin-broken", _problem)
