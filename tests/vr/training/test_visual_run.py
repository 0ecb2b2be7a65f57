"""A run with a visual expert and every other lever works wherever a run does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import vr
from vr.evaluation.evaluation import evaluate_run
from vr.runs import predictions
from vr.runs import run as runs
from vr.runs.experiment import resolve
from vr.training.train import run_experiment

OPTIONS = {
    "visual": "probe",
    "visual_weight": None,
    "pooling": "counted",
    "programs": 2,
    "negatives": "keyed",
}


@pytest.fixture(scope="module")
def trained(toy: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    recipe = {"epochs": 2, "batch_size": 5, "lr": 0.5, "trivial_augment": True}
    options = {**OPTIONS, "normalise_gradient": True}
    return run_experiment(toy.experiment(out=folder, options=options, recipe=recipe)).path


def test_it_evaluates_as_it_was_trained(toy: Any, trained: Path, tmp_path: Path) -> None:
    run = runs.load_run(trained)
    before = predictions.load(trained / runs.PREDICTIONS)
    evaluate_run(run, resolve(toy.experiment()).source, out=tmp_path)
    again = predictions.load(tmp_path / runs.PREDICTIONS)
    assert torch.allclose(before.logits, again.logits, atol=1e-4)
    assert run.config.recipe.trivial_augment and run.config.options["programs"] == 2
    assert (trained / runs.REPORT).is_file()


def test_it_predicts_and_explains(toy: Any, trained: Path) -> None:
    image = next(toy.data.rglob("test-0.png"))
    model = vr.load(trained)
    predicted = model.predict(image)[0]
    explained = model.explain(image)[0]
    assert explained.classes[0].name == predicted.label
    visual = explained.classes[0].experts[-1]
    assert visual.name == "visual" and len(visual.banks) == 3 + 3
    assert explained.summary.by_images is not None
