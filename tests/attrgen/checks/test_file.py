"""A file under the linter: every mistake of form with its line, all in one pass, and those of the texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attrgen.checks.file import Report, check_bytes, check_file
from attrgen.core.errors import UserError
from attrgen.schema import attribute_set, card
from attrgen.schema.card import Card

PATH = Path("attrs/liver.json")
MESSY = """{
  "format": "attribute-set/1",
  "dataset": "liver",
  "colour": "blue",
  "classes": {
    "hepatic cyst": {
      "descriptive": [],
      "distinctive": ["a hair-thin wall around dark fluid"],
      "confusion": {
        "abcess": ["a thick, shaggy rim around a cloudy pool"],
        "other": ["no dark pool of even shade"]
      }
    },
    "Cyst": {
      "descriptive": ["a round dark area", 7, "a round dark area"]
    },
    "wolf": {
      "descriptiv": ["grey fur on four legs"]
    },
    "abscess": {
      "descriptive": ["a thick, shaggy rim around a cloudy pool"],
      "confusion": {"abscess": ["a bright dot beside a dark line"]}
    }
  }
}
"""


def rows(report: Report) -> set[tuple[int | None, str, str | None]]:
    return {
        (actual.line, actual.rule, actual.class_name) for actual in report.findings if actual.level == "error"
    }


def check(text: str, its_card: Card | None) -> Report:
    return check_bytes(text.encode("utf-8"), PATH, its_card)


def test_everything_is_told_at_once_by_line(liver: Card) -> None:
    report = check(MESSY, liver)
    assert rows(report) == {
        (4, "schema", None),  # unknown key
        (5, "missing", "hemangioma"),
        (5, "missing", "normal liver"),
        (7, "schema", "hepatic cyst"),  # empty list
        (10, "class-names", "hepatic cyst"),  # "abcess"
        (11, "negated", "hepatic cyst"),
        (14, "class-names", "Cyst"),  # the same class again
        (14, "missing", "Cyst"),
        (15, "schema", "Cyst"),  # 7
        (15, "duplicate", "Cyst"),
        (17, "class-names", "wolf"),
        (17, "missing", "wolf"),
        (18, "schema", "wolf"),  # unknown kind
        (20, "missing", "abscess"),
        (22, "class-names", "abscess"),  # confused with itself
    }
    assert [actual.line or 0 for actual in report.findings] == sorted(
        actual.line or 0 for actual in report.findings
    )
    said = {(actual.line, actual.rule): actual.message for actual in report.findings}
    assert said[4, "schema"].startswith("unknown key 'colour'")
    assert "should not be empty" in said[7, "schema"]
    assert "Did you mean 'abscess'" in said[10, "class-names"]
    assert "as 'hepatic cyst' and as 'Cyst'" in said[14, "class-names"]
    assert "should be text in quotes" in said[15, "schema"]
    assert "Did you mean 'descriptive'" in said[18, "schema"]


def test_a_doubled_key(liver: Card) -> None:
    text = '{\n"dataset": "liver",\n"dataset": "liver"}'
    assert (3, "schema", None) in rows(check(text, liver))


def test_not_json_names_the_line(liver: Card) -> None:
    (actual,) = check('{\n  "format": "attribute-set/1",,\n}', liver).findings
    assert (actual.rule, actual.level, actual.line) == ("json", "error", 2)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_is_not_utf8_is_told_and_the_rest_is_checked(mark: bytes, liver: Card) -> None:
    content = MESSY.replace("a cloudy pool", "a cloudy p\xf6\xf6l").encode("latin-1")
    report = check_bytes(mark + content, PATH, liver)
    told = {(actual.line, actual.rule) for actual in report.findings}
    assert {(10, "encoding"), (7, "schema"), (11, "negated")} <= told


def test_a_byte_order_mark_is_no_mistake(lists: Any) -> None:
    text = '{"format": "attribute-set/1", "dataset": "x", "classes": {"a": {"descriptive": ["a dark area"]}}}'
    assert rows(check_bytes(b"\xef\xbb\xbf" + text.encode(), PATH)) == set()


def test_without_a_card_what_can_be_checked_is_checked_and_that_is_said() -> None:
    report = check(MESSY, None)
    assert report.card is None
    notes = {actual.rule: actual.message for actual in report.findings if actual.level == "note"}
    assert "'liver' has no card" in notes["no-card"]
    assert (10, "class-names", "hepatic cyst") in rows(report)  # confused with a class that is not in the set
    assert (17, "class-names", "wolf") not in rows(report)


def test_the_shipped_card_of_the_dataset_is_taken_by_itself() -> None:
    text = (
        '{"format": "attribute-set/1", "dataset": "busi", "classes": {"wolf": {"descriptive": ["grey fur"]}}}'
    )
    report = check(text, None)
    assert report.card == "busi"
    assert (1, "class-names", "wolf") in rows(report)


def test_the_set_of_another_dataset(liver: Card) -> None:
    assert (3, "dataset", None) in rows(check(MESSY.replace('"liver"', '"busi"'), liver))


def test_a_kind_that_no_class_has_is_a_note_only(liver: Card) -> None:
    text = MESSY.replace('"distinctive"', '"descriptive"')
    notes = [actual for actual in check(text, liver).findings if actual.rule == "unused-kind"]
    assert [(actual.level, actual.kind) for actual in notes] == [("note", "distinctive")]


def test_what_a_build_writes_is_clean(tmp_path: Path) -> None:
    its_card = card.find("ct-kidney")
    library = Path(card.__file__).parents[2] / "data" / "attributes" / "ct-kidney.json"
    report = check_file(library)
    assert report.card == its_card.name and report.dataset == its_card.name
    assert report.texts == sum(1 for _ in attribute_set.load(library).entries())
    assert report.findings == []


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        check_file(tmp_path / "none.json")
    assert caught.value.code == "file-missing"
    with pytest.raises(UserError) as caught:
        check_file(tmp_path)
    assert caught.value.code == "file-unreadable"
