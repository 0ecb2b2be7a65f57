"""`vr report` as typed, and the other commands that write the page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.command import run
from vr.cli import app
from vr.runs import run as runs


def _type(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["vr", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        run(app)
    return int(ended.value.code or 0)


def test_one_run_is_written_again(
    copied_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = copied_run / runs.REPORT
    before = place.read_text()
    place.unlink()
    assert _type(monkeypatch, "report", copied_run, "--device", "cpu") == 0
    assert capsys.readouterr().out == f"written: {place}\n"
    assert place.read_text() == before  # as training wrote it: nothing of it is lost or random


def test_several_runs_are_compared(
    hostile_run: Path,
    second_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / "both.html"
    assert _type(monkeypatch, "report", hostile_run, second_run, "--out", place) == 0
    assert capsys.readouterr().out == f"written: {place}\n"
    assert "comparison of 2 runs" in place.read_text()


def test_no_run_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _type(monkeypatch, "report", tmp_path) == 2
    assert "no finished run below" in capsys.readouterr().err


def test_eval_writes_the_page_as_well(
    copied_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = copied_run / runs.REPORT
    place.unlink()
    assert _type(monkeypatch, "eval", copied_run, "--device", "cpu") == 0
    assert str(place) in capsys.readouterr().out and place.is_file()


def test_a_run_that_was_killed_before_its_page_gets_it_on_resuming(hostile: Any, tmp_path: Path) -> None:
    from vr.training.train import run_experiment

    asked = hostile.experiment(out=tmp_path / "run", recipe={"epochs": 1, "batch_size": 5, "lr": 5.0})
    place = run_experiment(asked).path / runs.REPORT
    before = place.read_text()
    place.unlink()
    run_experiment(asked, resume=True)
    assert place.read_text() == before
