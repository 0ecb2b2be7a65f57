"""The systems of the table, one file each, and those of other packages; found by name.

A built-in method declares itself in a file of `vr/methods/declared`, which needs no torch; a file of the same
name in this folder has the class that computes. Another package adds a method by an entry point of the group
`vr.methods`, whose name is the method's: `my-method = "package.module:MyMethod"`.
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
    from vr.methods.common.declaration import Declaration


@cache
def built_in_declarations() -> dict[str, type[Declaration]]:
    """Declarations of the methods of this folder, in the order of tables: by family, then by year."""
    from vr.methods import declared
    from vr.methods.common.declaration import Declaration

    modules = [importlib.import_module(f"{declared.__name__}.{name}") for name in _names(declared.__path__)]
    declarations = [value for module in modules for value in _classes(module, Declaration)]
    return {declaration.name: declaration for declaration in sorted(declarations, key=_table_order)}


def built_in_methods() -> dict[str, type[Method]]:
    """The methods of this folder by name, in the order of tables."""
    return {name: _method_of(declaration) for name, declaration in built_in_declarations().items()}


def all_declarations() -> dict[str, type[Declaration]]:
    """The declarations of the built-in methods, then the methods of other packages.

    Raises:
        UserError: a method of another package cannot be used.
    """
    return {**built_in_declarations(), **{name: EXTENSIONS.load(name) for name in EXTENSIONS.names()}}


def all_methods() -> dict[str, type[Method]]:
    """The built-in methods, then those of other packages.

    Raises:
        UserError: a method of another package cannot be used.
    """
    return {**built_in_methods(), **{name: EXTENSIONS.load(name) for name in EXTENSIONS.names()}}


def find_declaration(name: str) -> type[Declaration]:
    """What the method of that name says about itself; torch is not loaded for a built-in one.

    Raises:
        UserError: there is none (the message lists the nearest names), or its package cannot be used.
    """
    offered = EXTENSIONS.names()
    if name in offered:
        return EXTENSIONS.load(name)
    built_in = built_in_declarations()
    if name not in built_in:
        raise UserError(
            f"unknown method '{name}'",
            code="method-unknown",
            remedy=f"{did_you_mean(name, [*built_in, *offered])} {command('vr', 'methods')} lists all.",
        )
    return built_in[name]


def find_method(name: str) -> type[Method]:
    """The method of that name.

    Raises:
        UserError: as for `find_declaration`.
    """
    return _method_of(find_declaration(name))


def _method_of(declaration: type[Declaration]) -> type[Method]:
    """The class that computes what a declaration describes; a method of another package is both."""
    from vr.methods.common.base import Method

    if issubclass(declaration, Method):
        return declaration
    module = importlib.import_module(f"{__name__}.{declaration.__module__.rpartition('.')[2]}")
    return next(method for method in _classes(module, Method) if method.name == declaration.name)


def _names(path: Any) -> list[str]:
    return [info.name for info in pkgutil.iter_modules(path) if not info.ispkg]


def _classes(module: Any, kind: Any) -> list[type[Any]]:
    """The classes of a kind that a module defines."""
    defined = [value for value in vars(module).values() if isinstance(value, type)]
    return [value for value in defined if issubclass(value, kind) and value.__module__ == module.__name__]


def _table_order(declaration: type[Declaration]) -> tuple[int, int, str, str]:
    # The number of an arXiv preprint, at the end of its URL, orders the papers of one year.
    from vr.methods.common.facts import FAMILIES

    reference = declaration.reference
    return FAMILIES.index(declaration.family), reference.year, reference.url, declaration.name


def _problem(name: str, value: Any) -> str | None:
    from vr.methods.common.base import Method

    if name in built_in_declarations():
        return "a method of this name is built in"
    if not (isinstance(value, type) and issubclass(value, Method)):
        return f"it is not a subclass of {Method.__module__}.Method"
    return None if value.name == name else f"its name is '{value.name}'"


EXTENSIONS: Extensions[type[Method]] = Extensions("vr.methods", "method", "method-plugin-broken", _problem)
