"""`vr methods`: what is listed, and what one method says."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.cli.methods import values_of
from vr.methods import all_methods

RUNNER = CliRunner(env={"COLUMNS": "400"})


def test_all_methods_are_listed() -> None:
    lines = RUNNER.invoke(app, ["methods"]).output.splitlines()
    rows = {line.split()[0]: line for line in lines if line.strip()}
    for name, method in all_methods().items():
        assert method.learns in rows[name] and method.text_side in rows[name]


@pytest.mark.parametrize("name", ["biomedvr", "zero-shot", "linear-probe"])
def test_a_method_shows_options_recipe_presets_and_reference(name: str) -> None:
    method = all_methods()[name]
    shown = RUNNER.invoke(app, ["methods", name])
    assert shown.exit_code == 0
    rows: dict[str, str] = {}
    for line in shown.output.partition("\noptions")[2].splitlines():
        if line.strip():
            rows.setdefault(line.split()[0], line)  # a preset may have the name of an option
    for key, field in method.options_type.model_fields.items():
        assert str(field.description) in rows[key]
    assert {*type(method.recipe).model_fields, "default", *method.presets} <= set(rows)
    assert method.reference.url in shown.output and method.learns in shown.output


def test_an_unknown_method() -> None:
    refused = RUNNER.invoke(app, ["methods", "bimedvr"]).exception
    assert isinstance(refused, UserError) and refused.code == "method-unknown"


def test_types_are_shown_as_their_values() -> None:
    assert values_of(Literal["a", "b"]) == "a|b"
    assert values_of(int | None) == "whole number, null"
    assert values_of(bool) == "true|false"
    assert values_of(tuple[Annotated[float, Field(gt=0)], ...]) == "list of number"
