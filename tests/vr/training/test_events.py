"""TensorBoard events: the numbers of history.csv, also after a training that was stopped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.runs import run as runs
from vr.runs.history import read_history
from vr.training import events
from vr.training.train import run_experiment

pytest.importorskip("tensorboard")


def scalars(run: Path) -> dict[str, dict[int, list[float]]]:
    """Values by tag and step, read by TensorBoard's own reader."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(run / events.FOLDER), size_guidance={"scalars": 0})
    reader.Reload()
    actual: dict[str, dict[int, list[float]]] = {}
    for tag in reader.Tags()["scalars"]:
        for event in reader.Scalars(tag):
            actual.setdefault(tag, {}).setdefault(event.step, []).append(event.value)
    return actual


def test_a_training_writes_its_history_and_its_metrics(toy: Any, tmp_path: Path) -> None:
    asked = toy.experiment(out=tmp_path / "run", select="val")
    run_experiment(asked, tensorboard=True)
    actual, history = scalars(tmp_path / "run"), read_history(tmp_path / "run")
    tags = {
        "loss": "train/loss",
        "train_accuracy": "train/accuracy",
        "val_loss": "val/loss",
        "lr": "train/lr",
        "gate_neg": "train/gate_neg",
    }
    for column, tag in tags.items():
        assert actual[tag] == {int(row["epoch"]): [pytest.approx(row[column], rel=1e-5)] for row in history}
    metrics = runs.read_metrics(tmp_path / "run")
    assert actual["test/accuracy"] == {
        metrics["selected_epoch"]: [pytest.approx(metrics["overall"]["accuracy"], rel=1e-5)]
    }


def test_a_stopped_training_that_goes_on_has_each_epoch_once(toy: Any, tmp_path: Path) -> None:
    def stop(row: dict[str, float], epochs: int) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    asked = toy.experiment(out=tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run_experiment(asked, tensorboard=True, on_epoch=stop, checkpoint_every=0)
    run_experiment(asked, tensorboard=True, resume=True)
    actual = scalars(tmp_path / "run")["train/loss"]
    assert {step: len(values) for step, values in actual.items()} == {1: 1, 2: 1, 3: 1}
    run_experiment(toy.experiment(out=tmp_path / "run", recipe={"epochs": 1}), tensorboard=True, fresh=True)
    assert list(scalars(tmp_path / "run")["train/loss"]) == [1]


def test_without_the_package_it_says_so_before_training(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(
        UserError, match=r"needs the package tensorboard\. pip install 'biomedvr\[tensorboard\]'"
    ):
        run_experiment(toy.experiment(out=tmp_path / "run"), tensorboard=True)
    assert not (tmp_path / "run").exists()
