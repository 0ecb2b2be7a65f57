"""A run from images to a run directory: what is written, selected and noted."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from torch import Tensor

from attrgen.core.errors import UserError
from attrgen.schema import attribute_set
from vr.runs import run as runs
from vr.runs.history import read_history
from vr.training.train import run_experiment

ARTEFACTS = (runs.CONFIG, runs.FEWSHOT, runs.ATTRIBUTES, runs.HISTORY, runs.MODEL, runs.METRICS)


def _train(asked: Any, **options: Any) -> Path:
    return run_experiment(asked, **options).path


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_directory_holds_what_the_contract_promises(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(out=tmp_path / "run"))
    for name in (*ARTEFACTS, runs.PREDICTIONS):
        assert (path / name).is_file(), name
    config = json.loads((path / runs.CONFIG).read_text())
    assert config["attributes"]["id"] == attribute_set.load(toy.attrs).id
    assert config["options"]["gate_lr"] == 0.01 and config["recipe"]["epochs"] == 3
    tensors = load_file(path / runs.MODEL)
    assert tensors["delta_pos"].shape == tensors["delta_neg"].shape == (3, 48, 48)
    assert tensors["gate"].shape == (2,)
    history = read_history(path)
    assert [row["epoch"] for row in history] == [1, 2, 3]
    expected = {"loss", "cross_entropy", "penalty", "gate_pos", "lr", "train_accuracy", "images_per_second"}
    assert expected <= set(history[0])
    rows = _rows(path / runs.PREDICTIONS)
    assert len(rows) == 12
    assert set(rows[0]) == {"path", "label", "predicted", "bright spot", "dark ring", "plain ground"}
    hits = sum(row["label"] == row["predicted"] for row in rows)
    metrics = runs.read_metrics(path)
    assert metrics["overall"]["accuracy"] == pytest.approx(hits / 12)
    assert metrics["split"] == "test" and metrics["selected_epoch"] == 3


def test_oracle_is_noted_only_when_asked_and_says_what_it_is(toy: Any, tmp_path: Path) -> None:
    plain = runs.read_metrics(_train(toy.experiment(out=tmp_path / "plain")))
    assert "oracle" not in plain
    metrics = runs.read_metrics(_train(toy.experiment(out=tmp_path / "oracle", oracle=True)))
    assert "test set" in metrics["oracle"]["note"]
    assert metrics["oracle"]["accuracy"] >= metrics["overall"]["accuracy"]


def test_selection_on_validation_keeps_the_best_epoch(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(out=tmp_path / "run", select="val"))
    history = read_history(path)
    best = max(history, key=lambda row: (row["val_accuracy"], -row["val_loss"], -row["epoch"]))
    assert runs.read_metrics(path)["selected_epoch"] == best["epoch"]


def test_nan_loss_stops_with_an_explanation(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vr.methods.biomedvr import BioMedVR

    original = BioMedVR.loss

    def broken(self: BioMedVR, scores: Any, labels: Tensor) -> Any:
        loss = original(self, scores, labels)
        return loss._replace(total=loss.total * float("nan"))

    monkeypatch.setattr(BioMedVR, "loss", broken)
    with pytest.raises(UserError) as caught:
        run_experiment(toy.experiment(out=tmp_path / "run"))
    assert caught.value.code == "training-loss-not-finite"
    assert not (tmp_path / "run" / runs.MODEL).exists()


def test_keys_that_are_there_only_after_fitting_are_counted(toy: Any, tmp_path: Path) -> None:
    lines: list[str] = []
    asked = toy.experiment(method="tip-adapter-f", recipe={"epochs": 1}, out=tmp_path / "run")
    path = _train(asked, say=lines.append)
    keys = load_file(path / runs.MODEL)["keys"]
    assert len(keys) == 12
    assert runs.read_config(path).learned_parameters == keys.numel() == 12 * 32
    assert any("384 trained parameters" in line for line in lines)


def test_classes_option_trains_on_a_subset(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(runs=tmp_path / "runs", classes=("bright spot", "plain ground")))
    assert "toy+2-classes-" in str(path)
    metrics = runs.read_metrics(path)
    assert metrics["images"] == 8 and set(metrics["per_class"]) == {"bright spot", "plain ground"}
    stored = runs.load_attributes(path)
    assert stored is not None and set(stored.classes) == {"bright spot", "plain ground"}


def test_a_disk_that_is_full_when_the_model_is_written(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        if ".safetensors" in self.name:
            raise OSError(28, "No space left on device")
        return written(self, content)

    written = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"safetensors.*No space left on device"):
        _train(toy.experiment(out=tmp_path / "run"))
