"""One translation of what pydantic finds wrong: code, key, file and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.core.errors import UserError, UserErrors
from attrgen.core.validation import Frozen, read_json, read_toml, validate


class Inner(Frozen):
    size: int


class Outer(Frozen):
    name: str
    inner: Inner = Inner(size=1)


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


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"name": "x"}')
    assert read_json(Outer, path, what="thing", code="thing").name == "x"
    path.write_text('{"name"')
    with pytest.raises(UserError) as caught:
        read_json(Outer, path, what="thing", code="thing")
    assert caught.value.code == "thing-value"
