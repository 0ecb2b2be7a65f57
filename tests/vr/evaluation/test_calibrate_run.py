"""`vr calibrate`: which images it may look at, and what it leaves in the run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.clip.backbone import Backbone
from vr.data.formats.source import ImageSource, Item
from vr.data.sampling import fewshot
from vr.data.sources import open_source
from vr.evaluation import calibration as calibrations
from vr.evaluation.calibrate_run import calibrate_run, unseen_items
from vr.methods.common.base import Method
from vr.runs import run as runs
from vr.runs.run import Run


@pytest.fixture
def run(toy_run: Path, tmp_path: Path, toy: Any) -> Run:
    return runs.load_run(Path(shutil.copytree(toy_run, tmp_path / "run")))


@pytest.fixture
def source(run: Run, toy: Any) -> ImageSource:
    return open_source(run.card, toy.data)


def splits_of(items: list[Item]) -> set[str]:
    return {item.path.split("/")[0] for item in items}


def test_val_is_used_whole_and_train_without_the_sample(run: Run, source: ImageSource) -> None:
    sample = fewshot.load(run.path / runs.FEWSHOT, source, run.card)
    assert unseen_items(run, source, "val") == list(source.splits["val"])
    train = unseen_items(run, source, "train")
    assert len(train) == 3 * (5 - 4)  # of five images a class, four were trained on
    assert not {item.path for item in train} & {item.path for item in sample.train}
    assert unseen_items(run, source, "all") == [*source.splits["val"], *train]


def test_images_are_known_by_content_wherever_they_lie(run: Run, source: ImageSource, tmp_path: Path) -> None:
    expected = {(source.root / item.path).read_bytes() for item in unseen_items(run, source, "train")}
    for item in source.splits["train"]:
        folder = tmp_path / "copy" / "train" / Path(item.path).parent.name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(source.root / item.path, folder / f"renamed-{Path(item.path).name}")
    shutil.copytree(source.root / "test", tmp_path / "copy" / "test")
    copy = open_source(run.card, tmp_path / "copy")
    assert {(copy.root / item.path).read_bytes() for item in unseen_items(run, copy, "train")} == expected


def test_validation_images_that_a_choice_was_made_on_are_left_out(run: Run, source: ImageSource) -> None:
    chose = run.config.model_copy(update={"select": "val"})
    assert unseen_items(Run(run.path, chose, run.method, None), source, "val") == []

    class Chooses(Method):
        def finish(self, val: Any) -> None: ...

    method = Chooses.__new__(Chooses)
    assert unseen_items(Run(run.path, run.config, method, None), source, "val") == []


def with_patients(source: ImageSource, patient: Callable[[Item], str | None]) -> ImageSource:
    splits = {
        split: tuple(replace(item, group=patient(item)) for item in items)
        for split, items in source.splits.items()
    }
    return replace(source, splits=splits)  # type: ignore[type-var]


def test_other_images_of_a_patient_of_the_sample_are_left_out(run: Run, source: ImageSource) -> None:
    sample = {item.path for item in fewshot.load(run.path / runs.FEWSHOT, source, run.card).train}
    rest = [item.path for item in source.splits["train"] if item.path not in sample]
    shared, others = rest[0], rest[1:]

    def patient(item: Item) -> str:
        return "seen" if item.path in sample or item.path == shared else item.path

    train = unseen_items(run, with_patients(source, patient), "train")
    assert [item.path for item in train] == others

    def in_both(item: Item) -> str:  # a patient of the sample has images in the val split, too
        return "seen" if item.path in sample or item.path == source.splits["val"][0].path else item.path

    val = unseen_items(run, with_patients(source, in_both), "val")
    assert [item.path for item in val] == [item.path for item in source.splits["val"][1:]]
    said: list[str] = []
    assert calibrate_run(run, with_patients(source, in_both), say=said.append).images == len(val)
    assert said == [f"{len(val)} validation images, of {len(val)} groups that are not in the sample"]


def test_the_test_set_is_refused_and_never_read(
    run: Run, source: ImageSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    kind = type(source)
    original = kind.read
    monkeypatch.setattr(kind, "read", lambda self, path: read.append(path) or original(self, path))
    calibrate_run(run, source, pool="all")
    assert read and not [path for path in read if path.startswith("test")]
    with pytest.raises(UserError) as caught:
        unseen_items(run, source, "test")  # type: ignore[arg-type]
    assert caught.value.code == "calibration-not-on-test"


def test_it_leaves_the_numbers_and_the_curve(run: Run, source: ImageSource) -> None:
    said: list[str] = []
    actual = calibrate_run(run, source, coverage=0.6, say=said.append)
    assert said == ["6 validation images"]
    assert actual.images == 6 and actual.fitted.images == actual.held_out.images == 3
    assert calibrations.load(run.path) == actual
    for name in calibrations.FILES:
        assert (run.path / name).stat().st_size
    again = calibrate_run(run, source, coverage=0.6)
    assert again == actual


def test_without_a_val_split_training_images_serve(run: Run, source: ImageSource, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(source.root, tmp_path / "copy"))
    shutil.rmtree(copy / "val")
    said: list[str] = []
    calibrate_run(run, open_source(run.card, copy), say=said.append)
    assert said == ["3 training images outside the few-shot sample"]
    with pytest.raises(UserError) as caught:
        calibrate_run(run, open_source(run.card, copy), pool="val")
    assert caught.value.code == "calibration-few-images"


def test_the_command(run: Run, toy: Any, tiny: Backbone) -> None:
    command = ["calibrate", str(run.path), "--split", "all", "--device", "cpu", "--set-score", "aps"]
    ended = CliRunner().invoke(app, command)
    assert ended.exit_code == 0, ended.output
    assert "9 validation images and training images outside the few-shot sample" in ended.output
    assert "12 test images: ECE" in ended.output and "note: 9 images" in ended.output
    values = json.loads((run.path / runs.CALIBRATION).read_text())
    assert values["set_score"] == "aps" and values["coverage"] == 0.8
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, UserError) and refused.exception.code == "file-exists"
    assert CliRunner().invoke(app, [*command, "--force", "--coverage", "0.5"]).exit_code == 0
    assert json.loads((run.path / runs.CALIBRATION).read_text())["coverage"] == 0.5


def test_a_run_that_is_replaced_loses_its_calibration(run: Run, source: ImageSource, toy: Any) -> None:
    from vr.training.train import run_experiment

    calibrate_run(run, source)
    run_experiment(toy.experiment(out=run.path, recipe={"epochs": 1}), fresh=True)
    assert not any((run.path / name).exists() for name in calibrations.FILES)
    assert torch.isfinite(runs.load_run(run.path).method.state()["delta_pos"]).all()


def test_a_collection_named_as_the_dataset_is_found_again(toy: Any, tmp_path: Path) -> None:
    from vr.training.train import run_experiment

    asked = toy.experiment(dataset=str(toy.data), data=None, attrs=None, method="linear-probe", recipe={})
    run_experiment(asked.model_copy(update={"out": tmp_path / "run"}))
    ended = CliRunner().invoke(
        app, ["calibrate", str(tmp_path / "run"), "--split", "train", "--device", "cpu"]
    )
    assert ended.exit_code == 0, ended.output
