"""A stopped run continues to the same end; an existing run is never replaced unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from attrgen.core.errors import UserError
from vr.runs import run as runs
from vr.runs.history import read_history
from vr.training.train import run_experiment


def _train(asked: Any, **options: Any) -> Path:
    return run_experiment(asked, **options).path


def _numbers(path: Path) -> list[dict[str, float]]:
    return [
        {key: value for key, value in row.items() if key != "images_per_second"} for row in read_history(path)
    ]


class Killed(Exception):
    """Stands for SIGKILL: nothing gets a chance to clean up."""


@pytest.mark.parametrize("stop_after", [1, 4])
@pytest.mark.parametrize("method", ["biomedvr", "attrvr", "tip-adapter-f"])
def test_a_killed_run_resumes_to_the_same_end_bit_for_bit(
    toy: Any, tmp_path: Path, method: str, stop_after: int
) -> None:
    recipe = {"epochs": 6, "batch_size": 5}
    whole = _train(toy.experiment(method=method, recipe=recipe, select="val", out=tmp_path / "whole"))
    asked = toy.experiment(method=method, recipe=recipe, select="val", out=tmp_path / "stopped")

    def kill(row: dict[str, float], epochs: int) -> None:
        if row["epoch"] == stop_after + 1:
            raise Killed

    with pytest.raises(Killed):
        run_experiment(asked, on_epoch=kill, checkpoint_every=0)
    assert not (tmp_path / "stopped" / runs.METRICS).exists()
    with pytest.raises(UserError) as caught:
        run_experiment(asked)
    assert caught.value.code == "run-exists-unfinished"
    lines: list[str] = []
    stopped = _train(asked, resume=True, say=lines.append)
    assert any("continuing after epoch" in line for line in lines)
    one, other = load_file(whole / runs.MODEL), load_file(stopped / runs.MODEL)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert _numbers(whole) == _numbers(stopped)
    assert (whole / runs.PREDICTIONS).read_bytes() == (stopped / runs.PREDICTIONS).read_bytes()


def test_ctrl_c_writes_a_checkpoint_of_the_last_whole_epoch(toy: Any, tmp_path: Path) -> None:
    def stop(row: dict[str, float], epochs: int) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(toy.experiment(out=tmp_path / "run"), on_epoch=stop)
    assert (tmp_path / "run" / runs.CHECKPOINT).is_file()
    lines: list[str] = []
    _train(toy.experiment(out=tmp_path / "run"), resume=True, say=lines.append)
    assert "continuing after epoch 2" in lines
    assert not (tmp_path / "run" / runs.CHECKPOINT).exists()


def test_a_checkpoint_beside_a_finished_run_is_removed(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(out=tmp_path / "run"))
    (path / runs.CHECKPOINT).write_bytes(b"of a command that was killed when it had finished")
    _train(toy.experiment(out=path), resume=True)
    assert not (path / runs.CHECKPOINT).exists()


def test_a_checkpoint_of_other_settings_is_refused(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(out=tmp_path / "run"))
    (path / runs.METRICS).unlink()
    with pytest.raises(UserError) as caught:
        run_experiment(toy.experiment(out=path, seed=2), resume=True)
    assert caught.value.code == "run-other-settings" and "seed" in caught.value.what


def test_a_finished_run_is_never_replaced_unasked(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(out=tmp_path / "run"))
    before = (path / runs.MODEL).read_bytes()
    with pytest.raises(UserError) as caught:
        run_experiment(toy.experiment(out=path, seed=2))
    assert caught.value.code == "run-exists"
    assert (path / runs.MODEL).read_bytes() == before
    _train(toy.experiment(out=path, seed=2), fresh=True)
    assert (path / runs.MODEL).read_bytes() != before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError) as caught:
        run_experiment(toy.experiment(out=tmp_path / "other"), fresh=True)
    assert caught.value.code == "run-folder-not-empty"
    assert (tmp_path / "other" / "thesis.txt").read_text() == "mine"


def test_settings_that_differ_are_named_with_both_values(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(out=tmp_path / "run"))
    with pytest.raises(UserError, match=r"options\.k 3 there, 2 now"):
        _train(toy.experiment(out=path, options={"k": 2}), resume=True)
