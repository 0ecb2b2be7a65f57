"""What a worker keeps from cell to cell changes no result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.vr.training.sweep.conftest import digests
from vr.training.sweep import inspect, sweep, worker
from vr.training.train import run_experiment


def test_cells_encode_the_same_images_once_and_get_what_they_get_alone(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_worker", worker._Worker())
    options = ({"visual": "probe"}, {"visual": "probe", "beta": 0.0, "fusion": "subtract"})
    asked = [toy.experiment(method="biomedvr", options=changes) for changes in options]
    for number, experiment in enumerate(asked):
        run_experiment(experiment.model_copy(update={"out": tmp_path / "alone" / str(number)}), report=False)
    cells = [
        inspect(experiment.model_copy(update={"out": tmp_path / "swept" / str(number)}))
        for number, experiment in enumerate(asked)
    ]
    counts = []

    def on_outcome(outcome: Any) -> None:
        assert not outcome.error
        kept = worker._worker.backbone.kept  # type: ignore[union-attr]
        counts.append(len(kept._rows))  # type: ignore[union-attr]

    sweep(cells, on_outcome=on_outcome)
    assert digests(tmp_path / "swept") == digests(tmp_path / "alone")
    assert counts[0] and counts[1] == counts[0]
