"""`vr methods` on the command line: parse, call, print."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from vr.methods.common.base import Method


def methods(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show one method.", show_default="list all")
    ] = None,
) -> None:
    """List the methods, or show the options of one."""
    from vr.methods import all_methods, find_method

    if name is None:
        _list(all_methods())
    else:
        _show(find_method(name))


def _list(known: dict[str, type[Method]]) -> None:
    from attrgen.core import tables

    table = tables.table("method", "learns", "text side")
    for name, method in known.items():
        tables.add_row(table, name, method.learns, method.text_side)
    tables.show(table)


def _show(method: type[Method]) -> None:
    typer.echo(f"{method.name}: {method.title}")
    typer.echo(f"  reference   {method.reference.citation}")
    typer.echo(f"  learns      {method.learns}")
    typer.echo(f"  text side   {method.text_side}")
    if method.kinds:
        typer.echo(f"  attributes  {', '.join(method.kinds)}")
    typer.echo("\noptions, --set KEY=VALUE")
    _show_fields(method.options_type())
    typer.echo("training recipe, --set KEY=VALUE")
    _show_fields(method.recipe)
    typer.echo("presets, --preset NAME")
    _show_presets(method)


def _show_fields(values: BaseModel) -> None:
    from attrgen.core import tables

    fields = type(values).model_fields
    if not fields:
        typer.echo("  none\n")
        return
    table = tables.table("key", "values", "default", "meaning")
    for key, field in fields.items():
        default = _words(getattr(values, key))
        tables.add_row(table, key, values_of(field.annotation), default, field.description or "")
    tables.show(table)


def _show_presets(method: type[Method]) -> None:
    from attrgen.core import tables

    table = tables.table("preset", "what it is", "sets")
    tables.add_row(table, "default", "the defaults above", "")
    for name, preset in method.presets.items():
        changes = {**preset.options, **preset.recipe}
        sets = " ".join(f"{key}={_words(value)}" for key, value in changes.items())
        tables.add_row(table, name, preset.about, sets)
    tables.show(table)


def values_of(annotation: Any) -> str:
    """The values of a type, in words: `add|subtract|learned`, `number`, `whole number, null`."""
    names = {int: "whole number", float: "number", bool: "true|false", str: "text", NoneType: "null"}
    if annotation in names:
        return names[annotation]
    if get_origin(annotation) is Literal:
        return "|".join(str(value) for value in get_args(annotation))
    return ", ".join(values_of(part) for part in get_args(annotation)) or str(annotation)


def _words(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)
