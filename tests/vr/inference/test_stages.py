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


def test_command(toy_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "_SECONDS", 0.0)
    words = ["bench", "--predict", str(toy_run), "--device", "cpu", "--side", "64", "--workers", "2"]
    shown = CliRunner().invoke(app, words).output
    assert "decoding, 2 threads" in shown and "--reduced-jpeg" in shown and " limit" in shown
    rates = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert all(rates[name] > 0 for name in ("decoding_alone", "decoding", "reduced", "scoring", "prediction"))
