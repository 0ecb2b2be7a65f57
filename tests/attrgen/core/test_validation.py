"""One translation of what pydantic finds wrong: code, key, file and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from attrgen.core.errors import UserError, UserErrors
from attrgen.core.validation import (
    Context,
    Frozen,
    Location,
    Wording,
    read_json,
    read_toml,
    translated,
    validate,
)


class Inner(Frozen):
    size: int


class Outer(Frozen):
    name: str
    inner: Inner = Inner(size=1)
    several: tuple[Inner, ...] | None = Field(None, min_length=2)
    by_name: dict[str, Inner] = Field(default_factory=dict)


def error_of(value: object) -> UserError:
    with pytest.raises(UserError) as caught:
        validate(Outer, value, what="thing", code="thing", file="a.toml")
    return caught.value


def test_each_kind_of_mistake_has_its_code() -> None:
    assert error_of({}).code == "thing-missing-key"
    assert error_of({"name": 3}).code == "thing-value"
    assert error_of({"name": "x", "nam": 1}).code == "thing-unknown-key"
    assert error_of([]).code == "thing-value"
    assert error_of({"name": "x", "inner": {"size": "big"}}).what.startswith("inner.size = 'big'")


def test_all_mistakes_are_told_together() -> None:
    error = error_of({"nam": 1, "inner": {}})
    assert isinstance(error, UserErrors)
    assert {one.code for one in error.errors} == {"thing-unknown-key", "thing-missing-key"}
    assert all(one.file == "a.toml" for one in error.errors)


def test_a_long_value_is_shortened() -> None:
    assert len(str(error_of({"name": "x", "inner": {"size": "9" * 10_000 + "x"}}))) < 300


@pytest.mark.parametrize(
    ("text", "code"), [("name = ", "thing-not-toml"), ("nam = 1", "thing-unknown-key"), ("a." * 3000, None)]
)
def test_toml(tmp_path: Path, text: str, code: str | None) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_toml(Outer, path, what="thing", code="thing")
    assert code is None or code in {caught.value.code, *(e.code for e in getattr(caught.value, "errors", []))}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (r'group = "patient(\d+)"', True),
        (r'data = "C:\Users\me"', True),
        (r'name = "x\n" = ', False),
        ("name = 'x\\d'\nother = ", False),
        (r'# "\d"' + "\nname = ", False),
    ],
)
def test_a_backslash_in_double_quotes_gets_its_remedy(tmp_path: Path, text: str, told: bool) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_toml(Outer, path, what="thing", code="thing")
    assert caught.value.code == "thing-not-toml"
    assert ("single quotes" in caught.value.remedy) is told


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"name": "x"}')
    assert read_json(Outer, path, what="thing", code="thing").name == "x"
    path.write_text('{"name"')
    with pytest.raises(UserError) as caught:
        read_json(Outer, path, what="thing", code="thing")
    assert caught.value.code == "thing-value"


@pytest.mark.parametrize(
    "value",
    [
        {"name": "x", "inner": {"size": 1, "sise": 2}},
        {"name": "x", "several": [{"size": 1}, {"size": 1, "sise": 2}]},
        {"name": "x", "by_name": {"name": {"size": 1, "sise": 2}}},
    ],
)
def test_an_unknown_key_is_compared_with_the_keys_of_its_own_model(value: object) -> None:
    error = error_of(value)
    errors = error.errors if isinstance(error, UserErrors) else [error]
    assert [(one.code, "'size'" in one.remedy) for one in errors] == [("thing-unknown-key", True)]


def test_a_list_that_is_too_short_is_told_only_where_its_entries_are_right() -> None:
    error = error_of({"name": "x", "several": [{"size": 1}]})
    assert not isinstance(error, UserErrors) and error.what.startswith("several: ")
    error = error_of({"name": "x", "several": [{"size": 1}, {"size": "big"}]})
    assert not isinstance(error, UserErrors) and error.what.startswith("several.1.size = 'big'")


def test_the_caller_says_where_a_value_is_and_in_which_words() -> None:
    context = Context(
        "thing",
        "thing",
        locate=lambda path: Location(str(path[-1]), line=len(path), class_name="c"),
        wording={"int_parsing": Wording("is no number", "Write a number.")},
    )
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"name": "x", "inner": {"size": "big"}})
    [error] = translated(caught.value, Outer, context)
    assert (error.line, error.class_name, error.remedy) == (2, "c", "Write a number.")
    assert error.what == "size = 'big': is no number"
