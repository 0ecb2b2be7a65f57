"""Files of a run directory that are damaged: an error that names the file, never a wrong number."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.runs import history, predictions, unreadable
from vr.runs import run as runs

STORED = Path(__file__).parents[1] / "compatibility" / "run-1"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a small run of the first release."""
    shutil.copytree(STORED, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return Path("run")


def error_of(read: Callable[[], Any]) -> UserError:
    with pytest.raises(UserError) as caught:
        read()
    return caught.value


def changed(path: Path, *keys: str | int, value: Any) -> None:
    """Replace a value of a JSON file."""
    content = json.loads(path.read_text())
    parent = content
    for key in keys[:-1]:
        parent = parent[key]
    parent[keys[-1]] = value
    path.write_text(json.dumps(content))


def test_metrics_are_read_as_they_were(run: Path) -> None:
    assert runs.read_metrics(run) == json.loads((run / runs.METRICS).read_text())


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("overall",), []),
        (("overall", "accuracy"), "much"),
        (("overall", "accuracy"), float("nan")),
        (("overall", "ece"), [1]),
        (("intervals",), {}),
        (("per_class", "dark ring"), None),
        (("per_class", "dark ring", "images"), -1),
        (("confusion_matrix",), [[1]]),
        (("images",), 10**400),
        (("split",), None),
    ],
)
def test_metrics_of_another_form(run: Path, keys: tuple[str, ...], value: Any) -> None:
    changed(run / runs.METRICS, *keys, value=value)
    error = error_of(lambda: runs.read_metrics(run))
    assert error.code.startswith("run-metrics-") and error.file == str(run / runs.METRICS)


@pytest.mark.parametrize("text", ["", "[" * 3000, "null", '{"split": "test"}', "\x00", '"\\ud800"'])
def test_metrics_that_are_none(run: Path, text: str) -> None:
    (run / runs.METRICS).write_text(text)
    assert error_of(lambda: runs.read_metrics(run)).code.startswith("run-metrics-")


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("options", "k"), -1),
        (("options", "k"), "x"),
        (("options", "unknown"), 1),
        (("recipe", "lr"), float("nan")),
    ],
)
def test_a_configuration_with_other_options(run: Path, keys: tuple[str, ...], value: Any) -> None:
    changed(run / runs.CONFIG, *keys, value=value)
    error = error_of(lambda: runs.read_config(run))
    assert error.code.startswith("run-config-") and error.file == str(run / runs.CONFIG)


def _without_a_tensor(tensors: dict[str, torch.Tensor]) -> None:
    del tensors[next(iter(tensors))]


def _not_a_number(tensors: dict[str, torch.Tensor]) -> None:
    name = next(name for name, tensor in tensors.items() if tensor.is_floating_point())
    tensors[name] = torch.full_like(tensors[name], float("nan"))


def _texts_that_are_no_json(tensors: dict[str, torch.Tensor]) -> None:
    name = next(name for name in tensors if name.endswith(".texts"))
    tensors[name] = torch.full_like(tensors[name], 255)


def _without_the_visual_expert(tensors: dict[str, torch.Tensor]) -> None:
    for name in [name for name in tensors if name.startswith("visual.")]:
        del tensors[name]


def _with_fewer_views(tensors: dict[str, torch.Tensor]) -> None:
    for name in ("visual.weight", "visual.bias"):
        tensors[name] = tensors[name][:2].clone()


def _with_other_features(tensors: dict[str, torch.Tensor]) -> None:
    tensors["visual.weight"] = tensors["visual.weight"][..., :-1].clone()


def _with_a_weight_above_one(tensors: dict[str, torch.Tensor]) -> None:
    tensors["visual.mix"] = torch.tensor(1.5, dtype=torch.float64)


@pytest.mark.parametrize(
    "damage",
    [_without_the_visual_expert, _with_fewer_views, _with_other_features, _with_a_weight_above_one],
)
def test_a_visual_expert_that_is_another(
    toy_run: Path, tmp_path: Path, damage: Callable[[dict[str, torch.Tensor]], None]
) -> None:
    copy = Path(shutil.copytree(toy_run, tmp_path / "copy"))
    runs.load_run(copy)
    tensors = load_file(copy / runs.MODEL)
    damage(tensors)
    save_file(tensors, copy / runs.MODEL)
    error = error_of(lambda: runs.load_run(copy))
    assert (error.code, error.file) == ("run-damaged-model", str(copy / runs.MODEL))


@pytest.mark.parametrize("damage", [_without_a_tensor, _not_a_number, _texts_that_are_no_json])
def test_a_model_that_is_another(run: Path, damage: Callable[[dict[str, torch.Tensor]], None]) -> None:
    tensors = load_file(run / runs.MODEL)
    damage(tensors)
    save_file(tensors, run / runs.MODEL)
    error = error_of(lambda: runs.load_run(run))
    assert (error.code, error.file) == ("run-damaged-model", str(run / runs.MODEL))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.int32, torch.int64])
def test_numbers_of_another_type_in_a_model(run: Path, dtype: torch.dtype) -> None:
    """A copy into a parameter would change them silently, and a product of two types fails."""
    whole = load_file(run / runs.MODEL)
    assert {"bank", "gate"} <= {name.partition(".")[0] for name in whole}
    for name in whole:
        save_file({**whole, name: whole[name].to(dtype)}, run / runs.MODEL)
        error = error_of(lambda: runs.load_run(run))
        assert (error.code, name) == ("run-damaged-model", name)
    save_file(whole, run / runs.MODEL)
    runs.load_run(run)


@pytest.mark.parametrize(
    "text",
    [
        "path,label,predicted,a,a\nx,a,a,1,2\n",
        "path,label,predicted,a,b\nx,a,a,nan,1\n",
        "path,label,predicted,a,b\nx,a,a,inf,1\n",
        "path,label,predicted,a,b\n" + "x" * 200_000 + ",a,a,1,2\n",
        "path,label,predicted,a,b\nx,c,a,1,2\n",
        "path,label,predicted,a,b\nx\n",
    ],
)
def test_predictions_of_another_form(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    assert error_of(lambda: predictions.load(tmp_path / "p.csv")).code.startswith("predictions-")


@pytest.mark.parametrize(
    "text", ["epoch,loss\n1\n", "epoch,loss\n1,2,3\n", "loss\n1\n", "epoch\nnan\n", "epoch\nx\n"]
)
def test_a_history_of_another_form(tmp_path: Path, text: str) -> None:
    (tmp_path / history.HISTORY).write_text(text)
    error = error_of(lambda: history.read_history(tmp_path))
    assert (error.code, error.line) == ("run-damaged-history", 2)


def test_a_list_of_unreadable_images_that_is_no_table(tmp_path: Path) -> None:
    (tmp_path / unreadable.UNREADABLE).write_text("path,error\n" + "x" * 200_000 + ",y\n")
    assert error_of(lambda: unreadable.read_unreadable(tmp_path)).code == "run-damaged-unreadable"


@pytest.mark.parametrize(
    "words",
    [
        ["eval", "run", "--split", "test"],
        ["predict", "run", "images/test"],
        ["predict", "run", "images/test", "--raw"],
        ["explain", "run", "images/test"],
        ["calibrate", "run", "--force", "--split", "all"],
    ],
)
def test_a_model_whose_scores_overflow_gives_no_figures(words: list[str], run: Path) -> None:
    with safe_open(run / runs.MODEL, "pt") as stored:
        metadata = stored.metadata()
    tensors = load_file(run / runs.MODEL)
    for name, tensor in tensors.items():
        tensors[name] = torch.full_like(tensor, 3e38) if name.endswith(".embeddings") else tensor
    save_file(tensors, run / runs.MODEL, metadata)
    (run / runs.CALIBRATION).unlink()
    ended = CliRunner().invoke(app, [*words, "--device", "cpu"])
    assert isinstance(ended.exception, UserError) and ended.exception.code == "model-scores-not-finite"
