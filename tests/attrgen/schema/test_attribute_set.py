"""The contract between the stages: what is refused, in which words, at which line; sets and their cards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attrgen.core.errors import UserError, UserErrors
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet

GOOD = """{
  "format": "attribute-set/1",
  "dataset": "lumps",
  "classes": {
    "smooth lump": {
      "descriptive": [
        "a round dark spot",
        "a smooth bright rim"
      ],
      "confusion": {
        "spiky lump": ["a ragged edge"]
      }
    }
  },
  "provenance": {}
}
"""

LIST = GOOD[GOOD.index("[") : GOOD.index("]") + 1]


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "lumps.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


@pytest.mark.parametrize(
    ("old", "new", "line", "code", "class_name"),
    [
        ('"dataset": "lumps"', '"dataset": lumps', 3, "set-not-json", None),
        ('"provenance"', '"provenence"', 15, "set-unknown-key", None),
        ('"confusion"', '"confused"', 10, "set-unknown-key", "smooth lump"),
        (LIST, "[]", 6, "set-value", "smooth lump"),
        ('["a ragged edge"]', "[]", 11, "set-value", "smooth lump"),
        ('{\n        "spiky lump": ["a ragged edge"]\n      }', "{}", 10, "set-value", "smooth lump"),
        ('"a smooth bright rim"', '"a round dark spot"', 8, "set-repeated-text", "smooth lump"),
        ('"a smooth bright rim"', '"  "', 8, "set-value", "smooth lump"),
        ('"a smooth bright rim"', r'"a smooth\nbright rim"', 8, "set-value", "smooth lump"),
        ('"a smooth bright rim"', "7", 8, "set-value", "smooth lump"),
        ('["a ragged edge"]', '"a ragged edge"', 11, "set-value", "smooth lump"),
        ('"dataset": "lumps"', '"dataset": "lumps", "dataset": "x"', 3, "set-repeated-key", None),
        ("attribute-set/1", "attribute-set/2", 2, "set-value", None),
        ('  "dataset": "lumps",\n', "", 1, "set-missing-key", None),
        ("a round dark spot", "a round d\udcffrk spot", 7, "file-not-utf8", None),
    ],
)  # fmt: skip
def test_bad_input(tmp_path: Path, old: str, new: str, line: int, code: str, class_name: str | None) -> None:
    assert GOOD.count(old) == 1
    path = write(tmp_path, GOOD.replace(old, new).encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError) as caught:
        attribute_set.load(path)
    error = caught.value
    assert (error.code, error.file, error.line, error.class_name) == (code, str(path), line, class_name)


def test_an_unknown_key_is_told_with_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(UserErrors) as caught:
        attribute_set.load(
            write(tmp_path, GOOD.replace("provenance", "provenence").replace('"confusion"', '"confused"'))
        )
    assert [("'confusion'" in e.remedy, "'provenance'" in e.remedy) for e in caught.value.errors] == [
        (True, False),
        (False, True),
    ]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    bad = GOOD.replace("attribute-set/1", "x").replace('["a ragged edge"]', "[]").replace("provenance", "y")
    with pytest.raises(UserErrors) as caught:
        attribute_set.load(write(tmp_path, bad))
    assert [error.line for error in caught.value.errors] == [2, 11, 15]
    assert caught.value.errors[1].class_name == "smooth lump"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        attribute_set.load(tmp_path / "none.json")
    assert caught.value.code == "file-missing"


def test_what_is_saved_is_what_was_loaded(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    loaded = attribute_set.load(path)
    attribute_set.save(loaded, path)
    assert attribute_set.load(path) == loaded
    assert json.loads(path.read_text()) == json.loads(GOOD)
    texts = [line.strip() for line in path.read_text().splitlines() if line.strip().startswith('"a ')]
    assert texts == ['"a round dark spot",', '"a smooth bright rim"', '"a ragged edge"']  # one a line


def test_the_id_is_of_the_texts_alone() -> None:
    one = AttributeSet.model_validate_json(GOOD)
    other = one.model_copy(update={"dataset": "x", "provenance": {"a": 1}})
    assert one.id == other.id and len(one.id) == 64
    changed = one.model_copy(deep=True)
    assert changed.classes["smooth lump"].descriptive is not None
    changed.classes["smooth lump"].descriptive.reverse()
    assert changed.id != one.id


def test_the_schema_knows_what_the_model_knows() -> None:
    schema = attribute_set.json_schema()
    assert schema["required"] == ["dataset", "classes"]
    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]["ClassAttributes"]["properties"]) == set(attribute_set.KINDS)
