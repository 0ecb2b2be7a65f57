"""A run directory that the first release wrote opens today and gives the same figures.

`run-1/` holds a run of 6 epochs on toy images with a tiny random CLIP, as the first release left it (without
its pictures), and what that release's `vr predict` and `vr explain` said of the test images.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from vr.cli import app
from vr.runs import run as runs
from vr.runs.naming import label_of
from vr.runs.repeat import experiment_of

STORED = Path(__file__).parent / "run-1"
CLOSE = 1e-5
FINGERPRINT = "c0f6764837fc98865e185425e18803a6f140b1f362cc79338ffbb8e3988a776d"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it; the working folder, since its paths are relative."""
    shutil.copytree(STORED, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def vr(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def assert_same_rows(path: Path, expected: Path, *, words: tuple[str, ...]) -> None:
    """Equal tables: the columns `words` to the letter, all others as numbers."""
    ours, theirs = rows(path), rows(expected)
    assert [list(row) for row in ours] == [list(row) for row in theirs]
    for our, their in zip(ours, theirs, strict=True):
        assert [our[key] for key in words] == [their[key] for key in words]
        numbers = [key for key in our if key not in words]
        assert [float(our[key]) for key in numbers] == pytest.approx(
            [float(their[key]) for key in numbers], abs=CLOSE
        )


def assert_same(value: Any, expected: Any) -> None:
    """Equal JSON values, numbers to `CLOSE`; keys may have been added since."""
    if isinstance(expected, dict):
        for key in expected:
            assert_same(value[key], expected[key])
    elif isinstance(expected, list):
        assert len(value) == len(expected)
        for one, other in zip(value, expected, strict=True):
            assert_same(one, other)
    else:
        assert value == (pytest.approx(expected, abs=CLOSE) if isinstance(expected, float) else expected)


def test_measuring_it_again_gives_the_same_metrics(folder: Path) -> None:
    (folder / "run" / runs.METRICS).unlink()
    (folder / "run" / runs.PREDICTIONS).unlink()
    vr("eval", "run", "--device", "cpu")
    stored = STORED / "run"
    assert_same(runs.read_metrics(folder / "run"), runs.read_metrics(stored))
    assert_same_rows(
        folder / "run" / runs.PREDICTIONS, stored / runs.PREDICTIONS, words=("path", "label", "predicted")
    )


def test_it_predicts_the_same(folder: Path) -> None:
    vr("predict", "run", "images/test", "--raw", "--device", "cpu", "--out", "ours.csv")
    words = ("path", "predicted", "abstained")
    assert_same_rows(folder / "ours.csv", STORED / "expected" / "predicted.csv", words=words)


def test_its_calibration_holds(folder: Path) -> None:
    vr("predict", "run", "images/test", "--sets", "0.6", "--device", "cpu", "--out", "ours.csv")
    # At its temperature classes are nearly as probable as each other: only numbers are compared.
    ours, theirs = rows(folder / "ours.csv"), rows(STORED / "expected" / "calibrated.csv")
    numbers = ["confidence", *(key for key in theirs[0] if key.startswith("p("))]
    for our, their in zip(ours, theirs, strict=True):
        assert list(our) == list(their)
        for key in numbers:
            assert float(our[key]) == pytest.approx(float(their[key]), abs=CLOSE)


def test_it_is_explained_by_the_same_texts(folder: Path) -> None:
    expected = json.loads((STORED / "expected" / "explained.json").read_text("utf-8"))
    ours = json.loads(vr("explain", "run", *expected, "--json", "--device", "cpu"))
    for image in ours["images"]:
        for entry in image["classes"]:
            theirs = expected[image["image"]][entry["name"]]
            assert entry["logit"] == pytest.approx(theirs["logit"], abs=CLOSE)
            texts = {
                f"{expert['name']}/{bank['name']}": [text["text"] for text in bank["texts"]]
                for expert in entry["experts"]
                for bank in expert["banks"]
            }
            assert texts == theirs["texts"]


def test_its_report_is_written_again(folder: Path) -> None:
    vr("report", "run", "--device", "cpu")
    page = (folder / "run" / runs.REPORT).read_text("utf-8")
    assert FINGERPRINT[:12] in page


def test_it_is_known_as_the_same_experiment() -> None:
    assert runs.read_config(STORED / "run").fingerprint == FINGERPRINT


def test_settings_whose_defaults_changed_are_those_of_the_run(tmp_path: Path) -> None:
    """It was trained with the penalty and recorded nothing of a visual expert, which did not exist."""
    asked = experiment_of(STORED / "run" / runs.CONFIG)
    assert (asked.options["beta"], asked.options["visual"]) == (0.3, "none")
    config = runs.read_config(STORED / "run")
    assert "beta=0.3" in label_of(config) and "visual=none" in label_of(config)


def test_a_preset_that_was_removed_since(tmp_path: Path) -> None:
    config = json.loads((STORED / "run" / runs.CONFIG).read_text("utf-8"))
    changed = {**config, "preset": "no-penalty", "options": {**config["options"], "beta": 0.0}}
    (tmp_path / runs.CONFIG).write_text(json.dumps(changed), "utf-8")
    asked = experiment_of(tmp_path / runs.CONFIG)
    assert (asked.preset, asked.options["beta"], asked.options["visual"]) == ("default", 0.0, "none")
    label = label_of(runs.read_config(tmp_path))
    assert "visual=none" in label and "beta" not in label and "preset" not in label


def test_what_only_prompts_read_does_not_change_the_fingerprint() -> None:
    config = runs.read_config(STORED / "run")
    changes = {"greyscale": True, "stain": "Giemsa", "view": "coronal"}
    changed = config.model_copy(update={"card": config.card.model_copy(update=changes)})
    assert changed.fingerprint == config.fingerprint == FINGERPRINT
