"""A journal that is cut anywhere, as a kill may leave it, loses nothing but the row that was cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.inference.journal import Journal
from vr.inference.stored_row import fits

HEAD = {"model": "abc", "limit": None, "names": ["cyst", "stone"]}
ROWS = [{"path": f"folder/{name}.png", "p": 0.125} for name in ("a", "b\nc", 'd"', "ü", "\udcff")]


def write(path: Path, rows: list[dict[str, Any]], head: dict[str, Any] = HEAD) -> None:
    journal = Journal(path, head)
    journal.append(rows)
    journal.close()


def rows_of(path: Path) -> list[dict[str, Any]]:
    journal = Journal(path, HEAD)
    actual = list(journal.rows())
    journal.close()
    return actual


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "x.part", ROWS[:2])
    write(tmp_path / "deep" / "x.part", ROWS[2:])
    assert rows_of(tmp_path / "deep" / "x.part") == ROWS


def test_rows_are_on_their_way_to_the_disk_when_append_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "x.part", HEAD)
    journal.append(ROWS[:1])
    assert (tmp_path / "x.part").read_bytes().count(b"\n") == 2
    assert list(journal.rows()) == ROWS[:1]
    journal.append(ROWS[1:])
    assert list(journal.rows()) == ROWS
    journal.close(remove=True)
    assert not (tmp_path / "x.part").exists()


def test_cut_at_any_byte_it_keeps_every_whole_row_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    write(path, ROWS)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        kept = rows_of(path)
        assert kept == ROWS[: max(0, whole[:cut].count(b"\n") - 1)], cut
        write(path, ROWS[len(kept) :])
        assert path.read_bytes() == whole, cut


def test_the_last_line_is_found_past_a_long_cut_one(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    write(path, ROWS)
    whole = path.read_bytes()
    path.write_bytes(whole + b"x" * 200_000)
    assert rows_of(path) == ROWS
    assert path.read_bytes() == whole


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path / "x.part", ROWS)
    with pytest.raises(UserError) as caught:
        write(tmp_path / "x.part", ROWS, {**HEAD, "model": "xyz", "limit": 0.5})
    assert caught.value.code == "journal-other-settings"
    assert rows_of(tmp_path / "x.part") == ROWS


def test_a_row_has_a_flag_where_its_run_has_an_operating_point() -> None:
    row = {"at": 0, "path": "a.png", "predicted": "cyst", "confidence": 0.75, "abstained": False}
    row |= {"probabilities": {"cyst": 0.75, "stone": 0.25}}
    head = {"classes": ["cyst", "stone"], "sets": ["lac", "None"]}
    pointed = {**head, "point": {"class_name": "cyst"}}
    assert fits(row, head) and fits({**row, "flagged": True}, pointed)
    assert not fits({**row, "flagged": True}, head) and not fits(row, pointed)
    assert not fits({**row, "flagged": "yes"}, pointed)


def test_a_damaged_row_is_told_by_its_line(tmp_path: Path) -> None:
    write(tmp_path / "x.part", ROWS)
    lines = (tmp_path / "x.part").read_bytes().splitlines(keepends=True)
    for damage in (b"{broken\n", b"[]\n", b"\xff\xfe\n"):
        (tmp_path / "x.part").write_bytes(b"".join([*lines[:2], damage, *lines[3:]]))
        with pytest.raises(UserError) as caught:
            rows_of(tmp_path / "x.part")
        assert caught.value.code == "journal-damaged"


def test_two_at_once_would_make_every_row_twice(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    journal = Journal(tmp_path / "x.part", HEAD)
    journal.append(ROWS)
    with pytest.raises(UserError) as caught:
        Journal(tmp_path / "x.part", HEAD)
    assert caught.value.code == "journal-in-use"
    journal.close()
    assert rows_of(tmp_path / "x.part") == ROWS


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError) as caught:
        Journal(tmp_path / "file" / "x.part", HEAD)
    assert caught.value.code == "journal-not-written"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_says_how_to_go_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "x.part", HEAD)
    journal._file.close()
    journal._file = Path("/dev/full").open("ab")  # noqa: SIM115
    with pytest.raises(UserError) as caught:
        journal.append(ROWS)
    assert caught.value.code == "journal-not-written"
