"""Rows of a journal in the order of a list that has changed, and images that can be read again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vr.inference import predict as predicting
from vr.inference.decision import Decision
from vr.inference.output import journal_path
from vr.inference.predict import predict_to_file
from vr.runs.run import Run


@pytest.fixture
def files(sixty: Path, tmp_path: Path) -> list[str]:
    """Twelve images, the sixth damaged."""
    folder = tmp_path / "images"
    folder.mkdir()
    return [str(shutil.copy(path, folder)) for path in sorted(sixty.iterdir())[:12]]


class _Stopped(Exception):
    pass


def _stopped_after(run: Run, decision: Decision, files: list[str], out: Path) -> None:
    def some() -> object:
        yield from files
        raise _Stopped

    with pytest.raises(_Stopped):
        predict_to_file(run, decision, some(), out, batch_size=4, workers=1)  # type: ignore[arg-type]


def test_image_that_can_be_read_again_gets_its_row(
    loaded_run: Run, with_sets: Decision, files: list[str], tmp_path: Path
) -> None:
    out, fresh = tmp_path / "out.jsonl", tmp_path / "fresh.jsonl"
    _stopped_after(loaded_run, with_sets, files, out)
    shutil.copy(files[0], files[5])
    outcome = predict_to_file(loaded_run, with_sets, files, out, batch_size=4, resume=True)
    assert (outcome.rows, outcome.before, outcome.unreadable) == (12, 11, [])
    predict_to_file(loaded_run, with_sets, files, fresh, batch_size=4)
    assert [json.loads(line)["path"] for line in out.read_text().splitlines()] == files
    assert out.read_text().splitlines()[0] == fresh.read_text().splitlines()[0]


def test_unreadable_image_is_listed_once(
    loaded_run: Run, with_sets: Decision, files: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    _stopped_after(loaded_run, with_sets, files[:8], out)
    outcome = predict_to_file(loaded_run, with_sets, files, out, batch_size=4, resume=True)
    assert [error.file for error in outcome.unreadable] == [files[5]] and outcome.rows == 11


def test_table_has_the_order_of_a_list_that_has_changed(
    loaded_run: Run, with_sets: Decision, files: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    _stopped_after(loaded_run, with_sets, files[4:], out)  # four more images are listed first the next time
    outcome = predict_to_file(loaded_run, with_sets, files, out, batch_size=4, resume=True)
    assert outcome.rows == 11 and outcome.before == 7
    paths = [json.loads(line)["path"] for line in out.read_text().splitlines()]
    assert paths == [*files[:5], *files[6:]]


def test_journal_of_the_first_version_is_continued(
    loaded_run: Run, with_sets: Decision, files: list[str], tmp_path: Path
) -> None:
    out, fresh = tmp_path / "out.jsonl", tmp_path / "fresh.jsonl"
    _stopped_after(loaded_run, with_sets, files[:8], out)
    journal = journal_path(out)
    head, *rows = map(json.loads, journal.read_text().splitlines())
    old = [{key: value for key, value in row.items() if key != "at"} for row in rows if "error" not in row]
    lines = [{**head, "format": "journal/1"}, *old]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert predict_to_file(loaded_run, with_sets, files, out, batch_size=4, resume=True).before == 7
    predicting.predict_to_file(loaded_run, with_sets, files, fresh, batch_size=4)
    assert out.read_bytes() == fresh.read_bytes()
