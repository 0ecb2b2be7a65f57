"""`vr.train` and `vr.evaluate`: the same run as the command's, and settings that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import vr
from vr.api.training import Settings
from vr.runs import run as runs
from vr.runs.experiment import Experiment


def test_settings_are_those_of_an_experiment() -> None:
    of_the_command = {"dataset", "folds", "fold", "card", "control", "tuning", "mined"}
    assert Settings.__annotations__.keys() == Experiment.model_fields.keys() - of_the_command


def test_train_is_the_run_of_the_command(toy: Any, toy_run: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    model = vr.train(
        str(toy.card),
        attrs=toy.attrs,
        data=toy.data,
        backbone=str(toy.backbone),
        weights="random",
        device="cpu",
        shots=4,
        recipe={"epochs": 3, "batch_size": 5, "lr": 5.0},
        out=tmp_path / "run",
        say=lines.append,
    )
    assert lines and model.calibration is None
    trained, expected = (runs.read_metrics(path) for path in (tmp_path / "run", toy_run))
    assert trained["overall"] == expected["overall"]
    assert model.metrics.values == trained


@pytest.mark.parametrize("wrong", [{"methods": "attrvr"}, {"fold": 3}, {"shots": 0}, {"select": "best"}])
def test_wrong_settings_are_user_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(vr.UserError) as caught:
        vr.train("busi", **wrong)
    assert caught.value.code.startswith("experiment-")


def test_evaluate_measures_and_writes(toy_run: Path, tmp_path: Path) -> None:
    metrics = vr.evaluate(vr.load(toy_run, device="cpu"), split="val", out=tmp_path)
    assert (metrics.split, metrics.images) == ("val", 6)
    assert (tmp_path / runs.METRICS).is_file() and (tmp_path / runs.PREDICTIONS).is_file()
    low, high = metrics.interval("accuracy") or (2.0, -1.0)
    assert 0 <= low <= metrics.accuracy <= high <= 1 and metrics.interval("nll") is None
    assert set(metrics.per_class) == {"bright spot", "dark ring", "plain ground"}
    assert repr(metrics) == f"Metrics(val: 6 images, accuracy {100 * metrics.accuracy:.1f}%)"
    assert "<td>balanced accuracy</td>" in metrics._repr_html_()


def test_folds_give_a_model_each(toy: Any, tmp_path: Path) -> None:
    values = toy.experiment(runs=tmp_path, shots=2).model_dump(exclude_unset=True)
    values["recipe"]["epochs"] = 1
    models = vr.train(str(values.pop("dataset")), folds=2, **values)
    assert [model.run.config.fold.number for model in models] == [1, 2]


def test_load_says_what_it_loads(toy_run: Path) -> None:
    said: list[str] = []
    vr.load(toy_run, device="cpu", say=said.append)
    assert len(said) == 1 and "biomedvr on toy: 3 classes" in said[0]
