"""Lines and spans of JSON values, against plain JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attrgen.core.json_lines import JsonPath, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def leaves(value: Any, path: JsonPath = ()) -> dict[JsonPath, Any]:
    """The path of every string, number and the like."""
    if not isinstance(value, dict | list):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {place: leaf for key, inner in items for place, leaf in leaves(inner, (*path, key)).items()}


@settings(max_examples=100, deadline=None)
@given(VALUES, st.sampled_from([None, 0, 3]), st.booleans())
def test_every_value_is_found_where_it_stands(value: Any, indent: int | None, escaped: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    located = parse(text)
    assert located.value == value and located.repeated == []
    expected = leaves(value)
    assert located.spans.keys() == expected.keys()
    for path, leaf in expected.items():
        start, end = located.spans[path]
        assert json.loads(text[start:end]) == leaf
        assert located.line(path) == text.count("\n", 0, start) + 1


def test_lines_of_keys_and_containers() -> None:
    located = parse('{\n"a":\n[\n1,\n{"b": 2}\n]\n}')
    assert [located.line(path) for path in (("a",), ("a", 0), ("a", 1), ("a", 1, "b"))] == [2, 4, 5, 5]
    assert located.line(("a", 1, "c", 7)) == 5  # the nearest that is there


def test_doubled_keys_are_told() -> None:
    assert parse('{"a": 1,\n"b": {"c": 1,\n"c": 2}, "a": 3}').repeated == [(("b", "c"), 3), (("a",), 3)]


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", "NaN", "1e999", "9" * 5000, "[" * 200 + "]" * 200, r'"\udc00"']
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_whole_surrogate_pairs_and_escaped_backslashes_are_text() -> None:
    assert parse(r'["\ud83d\ude00", "\\ud800"]').value == ["😀", r"\ud800"]
