"""What a set cannot hold is kept beside it, and the two together are what was published."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from attrgen.curation.formats.as_published import Remainder, clean, interleaved, restored, taken
from attrgen.schema.attribute_set import ClassAttributes

raw_lists = st.lists(st.text("ab \n\t\u00a0\u200b\u00ad", max_size=6) | st.text(max_size=6), max_size=8)


def test_clean() -> None:
    assert clean(" types\nAn  annual\tcrop\u00a0land\u200b. ") == "types An annual crop land."
    assert clean("\n\u200b ") == ""


@given(raw_lists)
def test_texts_and_remainder_together_are_the_list(raw: list[str]) -> None:
    texts, remainder = taken(raw)
    if texts:
        ClassAttributes(descriptive=texts)  # a set takes them
    assert len(set(texts)) == len(texts)
    stored = Remainder.model_validate_json(remainder.model_dump_json(exclude_defaults=True))
    assert restored(texts, stored) == raw


def test_an_edited_list_keeps_its_edits() -> None:
    texts, remainder = taken(["one", "two\n", "one", "three", "", "two\n"])
    assert texts == ["one", "two", "three"]
    assert restored(["one", "TWO", "three"], remainder) == ["one", "TWO", "one", "three", ""]
    assert restored(["two", "four"], remainder) == ["two\n", "four", "", "two\n"]
    assert restored([], remainder) == [""]


def test_confused_classes_are_put_into_one_list_in_the_files_order() -> None:
    confusion = {"a": ["1", "3", "new"], "b": ["2"]}
    assert interleaved(confusion, ["a", "b", "a", "b", "c"]) == ["1", "2", "3", "new"]
    assert interleaved(confusion, []) == ["1", "3", "new", "2"]
