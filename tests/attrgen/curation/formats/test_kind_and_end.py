"""The kind of an imported file by its name, and the end of an exported one."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from attrgen.curation.formats.exporting import FORMATS, Source
from attrgen.curation.formats.importing import import_files


@pytest.mark.parametrize(("name", "kind"), [("zoo-dist", "distinctive"), ("zoo_confuse (1)", "confusion")])
def test_no_kind_is_guessed_against_the_name(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.json"
    path.write_text('{"cat": ["a striped tail"]}')
    assert {entry.kind for entry in import_files([path]).attributes.entries()} == {kind}


def test_a_name_with_two_kinds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "zoo_des_and_dist_2.json"
    path.write_text('{"cat": ["a striped tail"]}')
    with pytest.raises(UserError) as caught:
        import_files([path])
    assert caught.value.code == "import-unclear-kind"
    assert import_files([path], kind="distinctive").attributes.classes["cat"].distinctive


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_file_ends_as_it_did(end: str, tmp_path: Path) -> None:
    path = tmp_path / "zoo_des.json"
    path.write_text('{\n  "cat": [\n    "a striped tail"\n  ]\n}' + end)
    imported = import_files([path]).attributes
    assert FORMATS["attrvr"](Source(imported))["zoo_des.json"] == path.read_text()


def test_a_table_of_one_s_own_that_lacks_a_column_gets_all_columns_and_kinds(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("class,words\ncat,a striped tail\n")
    with pytest.raises(UserError) as caught:
        import_files([path])
    assert caught.value.code == "table-missing-column"
    assert all(word in caught.value.remedy for word in ("kind", "confused", "text", "distinctive"))
