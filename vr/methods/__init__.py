"""The systems of the table, one file each, and those of other packages; found by name.

A built-in method is a class with a `name` in a file of this folder. Another package adds one by an entry
point of the group `vr.methods`, whose name is the method's: `my-method = "package.module:MyMethod"`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from attrgen.schema.card import did_you_mean

if TYPE_CHECKING:
    from vr.methods.common.base import Method

GROUP = "vr.methods"


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
        UserError: a method of another package cannot be loaded.
    """
    methods = dict(built_in_methods())
    for entry in _entry_points():
        methods[entry.name] = _loaded(entry)
    return methods


def find_method(name: str) -> type[Method]:
    """The method of that name.

    Raises:
        UserError: there is none (the message lists the nearest names), or its package cannot be loaded.
    """
    for entry in _entry_points():
        if entry.name == name:
            return _loaded(entry)
    built_in = built_in_methods()
    if name not in built_in:
        known = [*built_in, *(entry.name for entry in _entry_points())]
        raise UserError(
            f"unknown method '{name}'",
            code="method-unknown",
            remedy=f"{did_you_mean(name, known)} `vr methods` lists all.",
        )
    return built_in[name]


def _table_order(method: type[Method]) -> tuple[int, int, str, str]:
    # The number of an arXiv preprint, at the end of its URL, orders the papers of one year.
    from vr.methods.common.facts import FAMILIES

    return FAMILIES.index(method.family), method.reference.year, method.reference.url, method.name


def _entry_points() -> metadata.EntryPoints:
    return metadata.entry_points(group=GROUP)


def _loaded(entry: metadata.EntryPoint) -> type[Method]:
    """The class behind an entry point.

    Raises:
        UserError: it cannot be imported, is no method, or has another name or that of a built-in method.
    """
    from vr.methods.common.base import Method

    if entry.name in built_in_methods():
        raise _broken(entry, "a method of this name is built in")
    try:
        method = entry.load()
    except Exception as error:  # whatever a module of another package does when it is imported
        raise _broken(entry, f"it cannot be loaded: {type(error).__name__}: {error}") from error
    if not (isinstance(method, type) and issubclass(method, Method)):
        raise _broken(entry, f"{entry.value} is not a subclass of {Method.__module__}.Method")
    if method.name != entry.name:
        raise _broken(entry, f"the name of {entry.value} is '{method.name}'")
    return method


def _broken(entry: metadata.EntryPoint, reason: str) -> UserError:
    package = entry.dist.name if entry.dist is not None else entry.value
    return UserError(
        f"the method '{entry.name}' of the package '{package}' cannot be used: {reason}",
        code="method-plugin-broken",
        remedy=f"Update the package, or remove it: `pip uninstall {package}`.",
    )
