"""Finished runs without training: a configuration, and predictions that are right where a test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from attrgen.schema.card import Card, CardClass
from vr.evaluation.measurement import measure
from vr.methods import find_method
from vr.report.comparison.results import Result
from vr.runs import predictions
from vr.runs import run as runs
from vr.runs.experiment import preset
from vr.runs.predictions import Predictions
from vr.runs.run import BackboneRecord, RunConfig

Finished = Callable[..., Result]
NAMES = ("cyst", "stone")


@pytest.fixture
def finished(tmp_path: Path) -> Finished:
    """Make a finished run of a method, right on the images where `correct` says 1."""

    def make(
        method: str,
        correct: Sequence[int],
        *,
        shots: int = 16,
        seed: int = 1,
        backbone: str = "mini",
        dataset: str = "toy",
        changes: dict[str, Any] | None = None,
        **options: Any,
    ) -> Result:
        kind = find_method(method)
        defaults, recipe = preset(kind, "default", shots)
        classes = tuple(CardClass(name=name, folder=name) for name in NAMES)
        card = Card(name=dataset, title=dataset.title(), modality="CT", shows="a toy", classes=classes)
        config = RunConfig(
            method=method,
            preset="default",
            options={**defaults.model_dump(mode="json"), **options},
            recipe=recipe,
            select="last",
            shots=shots,
            seed=seed,
            fewshot=f"{seed:064x}",
            card=card,
            data=None,
            data_format=None,
            attributes=None,
            backbone=BackboneRecord(name=backbone, weights=None, id="0" * 64, image_size=48, tau=100.0),
            precision="fp32",
            device="cpu",
            encoder="image tower",
            learned_parameters=10,
            versions={"torch": "2"},
        ).model_copy(update=changes or {})
        labels = torch.arange(len(correct)) % 2
        predicted = torch.where(torch.tensor(correct, dtype=torch.bool), labels, 1 - labels)
        scores = Predictions(
            NAMES,
            tuple(f"{number}.png" for number in range(len(correct))),
            labels,
            torch.nn.functional.one_hot(predicted, 2).float(),
        )
        label = "+".join([method, *(f"{key}={value}" for key, value in options.items())])
        path = tmp_path / "runs" / dataset / backbone / label / f"{shots}-shot" / f"seed-{seed}"
        path.mkdir(parents=True)
        predictions.save(scores, path / runs.PREDICTIONS)
        return Result(path, config, {"split": "test", "selected_epoch": None, **measure(scores)})

    return make
