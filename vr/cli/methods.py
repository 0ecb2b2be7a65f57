"""`vr methods` on the command line: parse, call, print."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from vr.methods.common.declaration import Declaration


def methods(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show one method.", show_default="list all")
    ] = None,
) -> None:
    """List the methods, or show the options of one."""
    from vr.methods import all_declarations, find_declaration

    if name is None:
        _list(all_declarations())
    else:
        _show(find_declaration(name))


def _list(known: dict[str, type[Declaration]]) -> None:
    from attrgen.core import tables

    table = tables.table("method", "learns", "text side")
    for name, method in known.items():
        tables.add_row(table, name, method.learns, method.text_side)
    tables.show(table)


def _show(method: type[Declaration]) -> None:
    from attrgen.core import tables

    typer.echo("\n".join(_facts(method)))
    for title, columns, rows in _sections(method):
        typer.echo(f"\n{title}")
        if not rows:
            typer.echo("  none")
            continue
        table = tables.table(*columns)
        for row in rows:
            tables.add_row(table, *row)
        tables.show(table)


def describe(method: type[Declaration]) -> str:
    """What `vr methods NAME` shows, as Markdown."""
    parts = ["\n".join(f"{line}  " for line in _facts(method))]
    for title, columns, rows in _sections(method):
        lines = [columns, ["---"] * len(columns), *rows] if rows else []
        cells = [" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines]
        parts.append(
            "\n".join([f"**{title}**\n", *(f"| {line} |" for line in cells)] if rows else [title + ": none"])
        )
    return "\n\n".join(parts)


def _facts(method: type[Declaration]) -> list[str]:
    attributes = [f"attributes: {', '.join(method.kinds)}"] if method.kinds else []
    return [
        f"{method.name}: {method.title}",
        f"reference: {method.reference.citation}",
        f"learns: {method.learns}",
        f"text side: {method.text_side}",
        *attributes,
    ]


def _sections(method: type[Declaration]) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    columns = ["key", "values", "default", "meaning"]
    yield "options, --set KEY=VALUE", columns, _fields(method.options_type())
    yield "training recipe, --set KEY=VALUE", columns, _fields(method.recipe)
    yield "presets, --preset NAME", ["preset", "what it is", "sets"], _presets(method)


def _fields(values: BaseModel) -> list[list[str]]:
    return [
        [key, values_of(field.annotation), _words(getattr(values, key)), field.description or ""]
        for key, field in type(values).model_fields.items()
    ]


def _presets(method: type[Declaration]) -> list[list[str]]:
    rows = [["default", "the defaults above", ""]]
    for name, preset in method.presets.items():
        changes = {**preset.options, **preset.recipe}
        rows.append(
            [name, preset.about, " ".join(f"{key}={_words(value)}" for key, value in changes.items())]
        )
    return rows


def values_of(annotation: Any) -> str:
    """The values of a type, in words: `add|subtract|learned`, `whole number, null`, `list of number`."""
    names = {int: "whole number", float: "number", bool: "true|false", str: "text", NoneType: "null"}
    if annotation in names:
        return names[annotation]
    origin = get_origin(annotation)
    if origin is Literal:
        return "|".join(str(value) for value in get_args(annotation))
    if origin is Annotated:
        return values_of(get_args(annotation)[0])
    if origin in (tuple, list):
        return f"list of {values_of(get_args(annotation)[0])}"
    return ", ".join(values_of(part) for part in get_args(annotation)) or str(annotation)


def _words(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)
