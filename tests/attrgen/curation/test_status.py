"""What became of the texts of a set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attrgen.curation import provenance, status
from attrgen.curation.provenance import Original, digest
from attrgen.curation.status import State
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot

Attrgen = Callable[..., Any]
DES, DIST = Slot("smooth lump", "descriptive"), Slot("smooth lump", "distinctive")
TEXTS = ["a round dark spot", "stripes of pale tissue", "wavy bright outer rim", "small grey dots in rows"]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., list[State]]:
    """States of a set that has these lists, held against originals (`known`: with their wording)."""

    def states(
        now: dict[str, list[str]],
        then: dict[Slot, list[str]],
        *,
        known: bool = True,
        card: Card | None = None,
    ) -> list[State]:
        value = {"smooth lump": ClassAttributes.model_validate(now)} if now else {"x": ClassAttributes()}
        attribute_set.save(AttributeSet(dataset="lumps", classes=value), tmp_path / "set.json")
        originals = {
            slot: [Original(digest(text), "llm", text if known else None) for text in texts]
            for slot, texts in then.items()
        }
        return status.states(attribute_set.read(tmp_path / "set.json"), originals, card)

    return states


def told(states: list[State]) -> list[tuple[str, str | None, str | None]]:
    return [(state.state, state.text, state.original) for state in states]


@pytest.mark.parametrize("known", [True, False])
def test_what_is_untouched(run: Callable[..., list[State]], known: bool) -> None:
    actual = run({"descriptive": TEXTS[::-1]}, {DES: TEXTS}, known=known)
    assert [state.state for state in actual] == ["as generated"] * 4
    assert [state.line for state in actual] == [7, 8, 9, 10]


def test_an_edited_text_has_its_nearest_original(run: Callable[..., list[State]]) -> None:
    now = [TEXTS[0], "wavy and very bright outer rim", "stripes of paler tissue", "quite another thing"]
    actual = run({"descriptive": now}, {DES: TEXTS})
    assert told(actual) == [
        ("as generated", TEXTS[0], None),
        ("edited", now[1], TEXTS[2]),
        ("edited", now[2], TEXTS[1]),
        ("added", now[3], None),
        ("removed", None, TEXTS[3]),
    ]
    assert dict(status.counts(actual)) == {"as generated": 1, "edited": 2, "added": 1, "removed": 1}


def test_without_the_wording_place_tells_what_was_edited(run: Callable[..., list[State]]) -> None:
    now = [TEXTS[0], "something else", TEXTS[2], TEXTS[3], "one more"]
    assert told(run({"descriptive": now}, {DES: TEXTS}, known=False)) == [
        ("as generated", TEXTS[0], None),
        ("edited", "something else", None),
        ("as generated", TEXTS[2], None),
        ("as generated", TEXTS[3], None),
        ("added", "one more", None),
    ]
    gone = run({"descriptive": TEXTS[:2]}, {DES: TEXTS}, known=False)
    assert [state.state for state in gone] == ["as generated", "as generated", "removed", "removed"]


def test_a_text_in_another_list_was_moved(run: Callable[..., list[State]]) -> None:
    actual = run({"descriptive": TEXTS[:3], "distinctive": TEXTS[3:]}, {DES: TEXTS})
    assert told(actual)[3:] == [("moved", TEXTS[3], None)]
    assert actual[3].slot == DIST and actual[3].moved_from == DES
    copied = run({"descriptive": TEXTS, "distinctive": TEXTS[3:]}, {DES: TEXTS})
    assert copied[-1].state == "added"


def test_a_whole_list_may_be_gone(run: Callable[..., list[State]]) -> None:
    assert [state.state for state in run({}, {DES: TEXTS})] == ["removed"] * 4


def test_a_spelling_of_the_card_does_not_count(run: Callable[..., list[State]], card: Card) -> None:
    there = {Slot("Smooth_Lump", "descriptive"): TEXTS}
    assert {state.state for state in run({"descriptive": TEXTS}, there, card=card)} == {"as generated"}
    assert {state.state for state in run({"descriptive": TEXTS}, there)} == {"moved"}


def test_a_generated_set_against_the_cache(
    attrgen: Attrgen, server: Any, card_file: Path, tmp_path: Path
) -> None:
    attrgen("build", "--dataset", card_file, "--base-url", server.url, "--descriptive", 3)
    path = tmp_path / "attrs" / "lumps.json"
    words = ("status", path, "--dataset", card_file)
    assert "every text is as it came." in attrgen(*words).out
    value = json.loads(path.read_text())
    descriptive = value["classes"]["spiky lump"]["descriptive"]
    original = descriptive[1]
    descriptive[1] = original.replace("third", "quarter")
    gone = descriptive.pop(0)
    descriptive.append("a hand-written line of its own")
    path.write_text(json.dumps(value, indent=2))
    ran = attrgen(*words)
    assert ran.status == 0 and "1 edited, 1 added, 1 removed." in ran.out
    assert f"was: {original}" in ran.out and f": {gone}\n" in ran.out
    actual = json.loads(attrgen(*words, "--json").out)
    assert actual["counts"]["edited"] == 1 and actual["id"] == attribute_set.load(path).id
    (edited,) = [row for row in actual["texts"] if row["state"] == "edited"]
    assert edited["original"] == original and edited["position"] == 0
    assert path.read_text().splitlines()[edited["line"] - 1].strip(' ",') == edited["text"]
    ran = attrgen(*words, "--cache", "nowhere")  # the digests alone
    assert "1 edited, 1 added, 1 removed." in ran.out and "its original is in no cache here" in ran.out
    assert not (tmp_path / "nowhere").exists()


def test_a_curated_set_against_the_library(attrgen: Attrgen, tmp_path: Path) -> None:
    attrgen("build", "--dataset", "ct-kidney")
    path = tmp_path / "attrs" / "ct-kidney.json"
    value = json.loads(path.read_text())
    original = value["classes"]["kidney cyst"]["descriptive"][0]
    value["classes"]["kidney cyst"]["descriptive"][0] = f"{original}, seen twice"
    path.write_text(json.dumps(value))
    ran = attrgen("status", path)
    assert "as curated" in ran.out and "1 edited." in ran.out and f"was: {original}" in ran.out


def test_the_librarys_own_file_and_one_without_provenance(attrgen: Attrgen, tmp_path: Path) -> None:
    library = Path(__file__).parents[3] / "data" / "attributes" / "busi.json"
    assert "every text is as it came." in attrgen("status", library).out
    value = json.loads(library.read_text())
    del value["provenance"]
    (tmp_path / "mine.json").write_text(json.dumps(value))
    ran = attrgen("status", "mine.json")
    assert "its provenance names no origin" in ran.out and len(ran.out.splitlines()) < 20


def test_a_set_does_not_choose_the_librarys_folder(tmp_path: Path) -> None:
    """`dataset` is a word of the set's author: it must not make status read other files."""
    library = Path(__file__).parents[3] / "data" / "attributes"
    planted = AttributeSet(
        dataset="../attributes/busi",
        classes={"x": ClassAttributes(descriptive=["y z"])},
        provenance={"source": "curated"},
    )
    assert (library / f"{planted.dataset}.json").is_file()
    assert provenance.originals(planted) == {}


def test_a_damaged_record_is_told(attrgen: Attrgen, tmp_path: Path) -> None:
    planted = AttributeSet(
        dataset="zoo", classes={"x": ClassAttributes(descriptive=["y z"])}, provenance={"runs": "none"}
    )
    attribute_set.save(planted, tmp_path / "set.json")
    for command in ("status", "cite"):
        ran = attrgen(command, "set.json")
        assert ran.status == 2 and ran.code == "provenance-value"
        assert "'zoo'.runs" in ran.err
