"""Damaged images: all are named at once, or left out and listed with `--skip-unreadable`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError, UserErrors
from vr.evaluation.evaluation import evaluate_run
from vr.runs import predictions
from vr.runs import run as runs
from vr.runs.images import open_images
from vr.runs.unreadable import UNREADABLE, read_unreadable
from vr.training.train import run_experiment

TRAIN = ("train/bright_spot/train-1.png", "train/dark_ring/train-0.png")
TEST = ("test/plain_ground/test-0.png", "test/plain_ground/test-2.png", "test/dark_ring/test-1.png")


@pytest.fixture
def data(toy: Any, tmp_path: Path) -> Path:
    """The toy images, some of them cut short."""
    copied = Path(shutil.copytree(toy.data, tmp_path / "Toy"))
    for name in (*TRAIN, *TEST):
        (copied / name).write_bytes((copied / name).read_bytes()[:60])
    return copied


def names(error: UserError) -> list[str]:
    errors = error.errors if isinstance(error, UserErrors) else [error]
    return sorted("/".join(Path(str(each.file)).parts[-3:]) for each in errors)


def test_all_damaged_training_images_are_named_at_once(toy: Any, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        run_experiment(toy.experiment(data=data, method="zero-shot", recipe={}, out=tmp_path / "run"))
    assert names(caught.value) == sorted(TRAIN)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("method", ["zero-shot", "attrvr"])
def test_all_damaged_test_images_are_named_at_once(toy: Any, data: Path, tmp_path: Path, method: str) -> None:
    for name in TRAIN:
        shutil.copy(toy.data / name, data / name)
    asked = toy.experiment(data=data, method=method, recipe={}, shots=2, out=tmp_path / "run")
    asked = asked.model_copy(update={"recipe": {"epochs": 1} if method == "attrvr" else {}})
    with pytest.raises(UserError) as caught:
        run_experiment(asked)
    assert names(caught.value) == sorted(TEST)


def test_they_are_left_out_and_listed_on_request(toy: Any, data: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    asked = toy.experiment(
        data=data, method="zero-shot", recipe={}, skip_unreadable=True, out=tmp_path / "run"
    )
    run = run_experiment(asked, say=lines.append)
    assert read_unreadable(run.path) == {*TRAIN, *TEST}
    assert any(line.startswith("5 images") and UNREADABLE in line for line in lines)
    metrics = runs.read_metrics(run.path)
    assert (metrics["images"], metrics["unreadable"]) == (12 - 3, 3)
    assert not {*TEST} & {*predictions.load(run.path / runs.PREDICTIONS).paths}
    assert not any(name in (run.path / runs.FEWSHOT).read_text() for name in TRAIN)


def test_the_run_is_measured_again_without_them(toy: Any, data: Path, tmp_path: Path) -> None:
    asked = toy.experiment(
        data=data, method="zero-shot", recipe={}, skip_unreadable=True, out=tmp_path / "run"
    )
    run = run_experiment(asked)
    again = evaluate_run(run, open_images(run.config), out=tmp_path / "again")
    assert again == runs.read_metrics(run.path)


def test_folds_and_the_oracle_leave_them_out_too(toy: Any, data: Path, tmp_path: Path) -> None:
    changes = {"data": data, "skip_unreadable": True, "shots": 2}
    oracle = toy.experiment(
        **changes, method="attrvr", oracle=True, recipe={"epochs": 1}, out=tmp_path / "run"
    )
    assert read_unreadable(run_experiment(oracle).path) == {*TRAIN, *TEST}
    fold = toy.experiment(**changes, method="zero-shot", recipe={}, folds=2, fold=1, out=tmp_path / "folds")
    run = run_experiment(fold)
    source = open_images(run.config)
    assert sum(map(len, source.splits.values())) == 33 - 5
    assert read_unreadable(run.path) == {*TRAIN, *TEST}


def test_an_undamaged_collection_leaves_no_list(toy: Any, tmp_path: Path) -> None:
    asked = toy.experiment(method="zero-shot", recipe={}, skip_unreadable=True, out=tmp_path / "run")
    run = run_experiment(asked)
    assert not (run.path / UNREADABLE).exists() and "unreadable" not in runs.read_metrics(run.path)
