"""The union of attribute sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrgen.core.errors import UserError
from attrgen.curation import status
from attrgen.curation.merge import merge
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from attrgen.schema.card import Card

Attrgen = Callable[..., Any]


def zoo(provenance: dict[str, Any] | None = None, **classes: dict[str, Any]) -> AttributeSet:
    values = {name: ClassAttributes.model_validate(kinds) for name, kinds in classes.items()}
    return AttributeSet(dataset="zoo", classes=values, provenance=provenance or {})


def test_lists_are_joined_and_no_text_is_there_twice() -> None:
    one = zoo(ant={"descriptive": ["a", "b"], "confusion": {"bee": ["c"]}})
    two = zoo(
        ant={
            "descriptive": ["d", "B ", "a"],
            "distinctive": ["e"],
            "confusion": {"cat": ["f"], "bee": ["g"]},
        },
        bee={"ensemble": ["h"]},
    )
    merged = merge([one, two])
    assert merged.attributes.classes == {
        "ant": ClassAttributes(
            descriptive=["a", "b", "d"], distinctive=["e"], confusion={"bee": ["c", "g"], "cat": ["f"]}
        ),
        "bee": ClassAttributes(ensemble=["h"]),
    }
    assert list(merged.attributes.classes["ant"].confusion or {}) == ["bee", "cat"]
    assert merged.added == [3, 5] and merged.conflicts == []


texts = st.lists(st.sampled_from("abcdeAB"), min_size=1, max_size=4, unique=True)
classes = st.dictionaries(
    st.sampled_from(["ant", "bee"]),
    st.fixed_dictionaries(
        {}, optional={"descriptive": texts, "confusion": st.dictionaries(st.just("cat"), texts, min_size=1)}
    ).filter(bool),
    min_size=1,
)


@given(classes, classes, classes)
def test_laws_of_a_union(one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]) -> None:
    a, b, c = zoo(**one), zoo(**two), zoo(**three)
    assert merge([a, a]).attributes.classes == a.classes
    both = merge([a, b]).attributes
    assert merge([both, b]).attributes.classes == both.classes
    assert merge([both, c]).attributes.classes == merge([a, merge([b, c]).attributes]).attributes.classes
    assert merge([both, c]).attributes.classes == merge([a, b, c]).attributes.classes
    folded = {(e.class_name, e.kind, e.confused, e.text.casefold()) for s in (a, b) for e in s.entries()}
    assert {(e.class_name, e.kind, e.confused, e.text.casefold()) for e in both.entries()} == folded
    assert AttributeSet.model_validate_json(both.model_dump_json()) == both


def test_spellings_meet_through_the_card(card: Card) -> None:
    one = AttributeSet(dataset="lumps", classes={"smooth lump": ClassAttributes(descriptive=["a"])})
    two = AttributeSet(dataset="lumps", classes={"Smooth_Lump": ClassAttributes(descriptive=["b"])})
    assert merge([one, two], card).attributes.classes == {
        "smooth lump": ClassAttributes(descriptive=["a", "b"])
    }
    assert len(merge([one, two]).attributes.classes) == 2


def test_conflicts_are_told() -> None:
    one = zoo({"by": "me", "licence": "CC0"}, ant={"descriptive": ["a", "x"], "distinctive": ["x"]})
    two = zoo({"by": "you", "licence": "CC0"}, bee={"descriptive": ["a"]})
    merged = merge([one, two])
    assert merged.conflicts == [
        "'a' is in ant/descriptive and in bee/descriptive",
        "provenance: 'by' is 'me' and 'you'",
    ]
    assert merged.attributes.provenance["merged"] == [
        {"id": one.id, "by": "me", "licence": "CC0"},
        {"id": two.id, "by": "you", "licence": "CC0"},
    ]
    with pytest.raises(UserError) as caught:
        merge([one, two.model_copy(update={"dataset": "farm"})])
    assert caught.value.code == "merge-other-dataset"


def test_status_knows_the_texts_of_both(attrgen: Attrgen, server: Any, tmp_path: Path) -> None:
    attrgen("build", "--dataset", "busi", "--base-url", server.url, "--out", "llm.json", "--descriptive", 2)
    library = Path(__file__).parents[3] / "data" / "attributes" / "busi.json"
    ran = attrgen("merge", "llm.json", library, "--out", "both.json")
    assert ran.status == 0 and "90 texts taken." in ran.out
    actual = status.of_file(attribute_set.read(tmp_path / "both.json"), tmp_path / "cache", None)
    assert dict(status.counts(actual)) == {"as generated": 66, "as curated": 90}
    assert attribute_set.load(tmp_path / "both.json").provenance["source"] == "mixed"
    before = (tmp_path / "llm.json").read_bytes()
    ran = attrgen("merge", "both.json", library, "--out", "llm.json")
    assert (
        ran.status == 2 and "is there already" in ran.err and (tmp_path / "llm.json").read_bytes() == before
    )
    ran = attrgen("merge", "both.json", "both.json", "--out", "llm.json", "--force")
    assert "0 texts taken." in ran.out
    twice, once = (attribute_set.load(tmp_path / name) for name in ("llm.json", "both.json"))
    assert twice.id == once.id and twice.provenance["runs"] == once.provenance["runs"]
    # A build over a merged set touches nothing of it.
    assert "Nothing is missing" in attrgen("build", "--dataset", "busi", "--out", "both.json").out
