"""`vr runs`: what there is, and what is removed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.runs import run as runs
from vr.runs.listing import listed, remove


@pytest.fixture
def root(toy_run: Path, tmp_path: Path) -> Path:
    """A finished run, an unfinished and a damaged one."""
    for name in ("finished", "unfinished", "damaged"):
        shutil.copytree(toy_run, tmp_path / name)
    (tmp_path / "unfinished" / runs.METRICS).unlink()
    (tmp_path / "damaged" / runs.CONFIG).write_text('{"format": "run/1"}')
    return tmp_path


def test_what_there_is(root: Path) -> None:
    states = {run.path.name: run.state for run in listed(root)}
    assert states == {"finished": "finished", "unfinished": "unfinished", "damaged": "damaged"}
    result = CliRunner().invoke(app, ["runs", "list", str(root), "--json"])
    values = {Path(value["path"]).name: value for value in json.loads(result.stdout)}
    accuracy = runs.read_metrics(root / "finished")["overall"]["accuracy"]
    assert values["finished"]["accuracy"] == accuracy and values["unfinished"]["accuracy"] is None
    assert values["finished"]["label"].startswith("biomedvr")
    table = CliRunner().invoke(app, ["runs", "list", str(root)]).stdout
    assert all(state in table for state in states)


def test_only_what_the_program_wrote_is_removed(root: Path) -> None:
    (root / "finished" / "my notes.txt").write_text("mine")
    (root / "finished" / "val").mkdir()
    (root / "finished" / "val" / "metrics.json").write_text("{}")
    assert remove(root / "finished") == [root / "finished" / "my notes.txt"]
    assert [path.name for path in (root / "finished").iterdir()] == ["my notes.txt"]
    assert remove(root / "damaged") == [] and not (root / "damaged").exists()


@pytest.mark.parametrize("name", ["", "empty", "absent", "link", "other"])
def test_what_is_no_run_is_not_touched(root: Path, name: str) -> None:
    (root / "empty").mkdir()
    (root / "other").mkdir()
    (root / "other" / runs.CONFIG).write_text('{"model": 1}')
    (root / "link").symlink_to(root / "finished")
    before = sorted(root.rglob("*"))
    with pytest.raises(UserError) as caught:
        remove(root / name)
    assert caught.value.code == "run-not-a-run"
    assert sorted(root.rglob("*")) == before


def test_it_asks(root: Path) -> None:
    run = root / "finished"
    assert "kept" in CliRunner().invoke(app, ["runs", "rm", str(run)], input="n\n").stdout
    assert run.is_dir()
    other = CliRunner().invoke(app, ["runs", "rm", "--yes", str(run), str(root)])
    assert isinstance(other.exception, UserError) and run.is_dir()  # refused before the first is removed
    assert CliRunner().invoke(app, ["runs", "rm", "--yes", str(run)]).exit_code == 0
    assert not run.exists()


def test_a_file_that_vanishes_meanwhile_counts_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the temporary files of a training that writes."""
    before = {run.path.name: run.bytes for run in listed(root)}
    gone = root / "finished" / ".model.part"
    original = Path.iterdir
    monkeypatch.setattr(
        Path, "iterdir", lambda path: [*original(path), *([gone] if path == gone.parent else [])]
    )
    assert {run.path.name: run.bytes for run in listed(root)} == before
