"""The rates of the stages of a prediction; no test depends on how fast this machine is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vr.cli import app
from vr.inference import stages
from vr.inference.stages import Rates


def test_the_slower_stage_limits() -> None:
    rates = {"side": 512, "workers": 4, "decoding_alone": 400.0, "reduced": 2000.0, "prediction": 700.0}
    assert "Decoding limits" in Rates(**rates, decoding=800.0, scoring=10000.0).limit  # type: ignore[arg-type]
    assert "The model limits" in Rates(**rates, decoding=800.0, scoring=90.0).limit  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scoring", "on_gpu", "prediction_on_gpu", "advice"),
    [
        (10_000.0, 6000.0, 4000.0, "--decode gpu (decoding limits then)"),
        (5000.0, 6000.0, 3000.0, "--decode gpu (the model limits then)"),
        (10_000.0, 700.0, 650.0, None),
    ],
)
def test_decoding_on_the_gpu_is_advised_where_it_is_faster(
    scoring: float, on_gpu: float, prediction_on_gpu: float, advice: str | None
) -> None:
    rates = Rates(512, 4, 400.0, 800.0, 2000.0, scoring, 700.0, on_gpu, prediction_on_gpu)
    assert ("--decode gpu" in rates.limit) == (advice is not None)
    assert advice is None or advice in rates.limit
    assert f"prediction, --decode gpu{prediction_on_gpu:>12,.0f}" in rates.lines()


def test_command(toy_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "_SECONDS", 0.0)
    words = ["bench", "--predict", str(toy_run), "--device", "cpu", "--side", "64", "--workers", "2"]
    shown = CliRunner().invoke(app, words).output
    assert "decoding, 2 threads" in shown and "--reduced-jpeg" in shown and " limit" in shown
    rates = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert all(rates[name] > 0 for name in ("decoding_alone", "decoding", "reduced", "scoring", "prediction"))
