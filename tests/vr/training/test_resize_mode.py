"""The model's resize mode in training, evaluation, prediction and explanation; older runs keep theirs."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

import vr
from vr.data.sampling import fewshot
from vr.evaluation.evaluation import evaluate
from vr.explanation.explanation import explain_images
from vr.runs import run as runs
from vr.training import execution
from vr.training.train import run_experiment

MODES = ("shortest", "longest", "squash")


def other_folder(folder: Path, tiny_folder: Path, mode: str) -> Path:
    """The tiny model with another resize mode."""
    config = json.loads((tiny_folder / "open_clip_config.json").read_text())
    config["preprocess_cfg"] |= {"resize_mode": mode, "interpolation": "bilinear", "fill_color": 90}
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module", params=MODES)
def run(request: pytest.FixtureRequest, toy: Any, tiny_folder: Path, tmp_path_factory: Any) -> runs.Run:
    """BioMedVR after one epoch, and the images that training held."""
    root = tmp_path_factory.mktemp("mode")
    folder = other_folder(root / "model", tiny_folder, request.param)
    return run_experiment(
        toy.experiment(backbone=str(folder), recipe={"epochs": 1, "batch_size": 5}, out=root / "run")
    )


def expected_scores(run: runs.Run, path: Path) -> torch.Tensor:
    """Scores (C,) of an image that open_clip's own transform resized to the inside of the frame."""
    backbone = run.method.context.backbone
    values = backbone.preprocessing.model_dump(exclude={"size", "mean", "std"})
    config = PreprocessCfg(size=run.method.image_size, mean=(0.0,) * 3, std=(1.0,) * 3, **values)
    pixels = image_transform_v2(config, is_train=False)(Image.open(path))
    with torch.no_grad():
        return run.method.scores(run.method.prepare(pixels[None])).fused[0]


def test_evaluation_prediction_and_explanation_resize_alike(run: runs.Run, toy: Any) -> None:
    with (run.path / runs.PREDICTIONS).open(newline="") as file:
        row = next(iter(csv.DictReader(file)))
    path = toy.data / row["path"]
    expected = expected_scores(run, path)
    logits = torch.tensor([float(row[name]) for name in run.card.class_names])
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-3)
    (prediction,) = vr.load(run.path, device="cpu").predict([path])
    chances = torch.tensor([prediction.probabilities[name] for name in run.card.class_names])
    torch.testing.assert_close(chances, expected.softmax(0), rtol=1e-3, atol=1e-4)
    (explanation,) = explain_images(run, [str(path)])
    scores = {entry.name: entry.logit for entry in explanation.classes}
    explained = torch.tensor([scores[name] for name in run.card.class_names])
    torch.testing.assert_close(explained, expected, rtol=1e-4, atol=1e-3)


def test_training_holds_images_in_that_mode(
    run: runs.Run, toy: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held: list[Any] = []
    original = execution.TrainingImages.load
    monkeypatch.setattr(
        execution.TrainingImages, "load", lambda *a, **k: held.append(original(*a, **k)) or held[-1]
    )
    options = {"backbone": run.config.backbone.name, "recipe": {"epochs": 1, "augment": False}}
    again = run_experiment(toy.experiment(**options, out=tmp_path / "run"))
    listed = fewshot.listed_paths(again.path / runs.FEWSHOT)["train"]
    path = toy.data / next(iter(listed.values()))[0]
    size = run.method.image_size
    batch = held[0].batch(torch.tensor([0]), size, augment=False)
    with torch.no_grad():
        scores = again.method.scores(again.method.prepare(batch)).fused[0]
    torch.testing.assert_close(scores, expected_scores(again, path), rtol=1e-4, atol=1e-3)


def test_a_run_with_an_older_id_gives_the_same_figures(toy: Any, tiny_folder: Path, tmp_path: Path) -> None:
    """Before preprocessing was part of the id, every model's images were resized by the short side."""
    shortest = other_folder(tmp_path / "shortest", tiny_folder, "shortest")
    config = json.loads((shortest / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["interpolation"] = "bicubic"
    (shortest / "open_clip_config.json").write_text(json.dumps(config))
    run = run_experiment(
        toy.experiment(backbone=str(shortest), recipe={"epochs": 1, "batch_size": 5}, out=tmp_path / "run")
    )
    older = Path(shutil.copytree(run.path, tmp_path / "older"))
    record = json.loads((older / runs.CONFIG).read_text())
    record["backbone"]["id"] = run.method.context.backbone.weights_id
    del record["backbone"]["preprocessing"]
    record["backbone"]["name"] = str(other_folder(tmp_path / "squash", tiny_folder, "squash"))
    (older / runs.CONFIG).write_text(json.dumps(record))
    opened = runs.load_run(older)
    assert opened.method.context.backbone.preprocessing.resize_mode == "shortest"
    _, source = open_toy(toy)
    before, now = (evaluate(each.method, source, source.splits["test"]) for each in (run, opened))
    assert torch.equal(before.logits, now.logits)


def open_toy(toy: Any) -> Any:
    from vr.data.sources import open_dataset

    return open_dataset(str(toy.card), toy.data)
