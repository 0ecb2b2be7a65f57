"""`vr controls` on the toy dataset: its cells are ordinary runs, found again and told apart in tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from attrgen.schema import attribute_set
from vr.cli import app
from vr.report.comparison import results
from vr.runs import run as runs
from vr.training.studies import controls


def call(toy: Any, folder: Path, *more: str) -> Any:
    words = ["controls", "--dataset", toy.card, "--attrs", toy.attrs, "--data", toy.data, "--shots", "2"]
    words += ["--backbone", toy.backbone, "--weights", "random", "--device", "cpu", "--runs", folder / "runs"]
    words += ["--method", "zero-shot", "--set", "text=attributes", "--seeds", "1,2", *more]
    return CliRunner().invoke(app, [str(word) for word in words])


def test_controls_from_beginning_to_end(toy: Any, tmp_path: Path) -> None:
    listed = call(toy, tmp_path, "--only", "shuffled,fewer-1", "--dry-run").stdout.splitlines()
    assert len(listed) == 8 and all(line.startswith("absent") for line in listed)
    first = call(
        toy, tmp_path, "--only", "shuffled,fewer-1", "--json", "--plot", str(tmp_path / "c.svg"), "--out",
        str(tmp_path / "c.csv"),
    )  # fmt: skip
    assert first.exit_code == 0, first.output
    printed = json.loads(first.stdout)
    assert list(printed["texts"]) == ["written", "names", "shuffled", "fewer-1"]
    found = results.find([tmp_path / "runs"])
    labels = {result.label for result in found}
    base = "zero-shot text=attributes"
    assert labels == {base, *(f"{base} control={name}" for name in ("names", "shuffled", "fewer-1"))}
    assert len(results.grouped(found)) == 4  # so a table shows them apart

    accuracy = {}
    for result in found:
        accuracy.setdefault(result.config.control, []).append(result.metrics["overall"]["accuracy"])
        if result.config.control is not None:
            origin = attribute_set.load(result.path / runs.ATTRIBUTES).provenance
            assert origin["control"] == result.config.control and origin["seed"] == result.config.seed
    for name, values in accuracy.items():
        assert printed["texts"][name or "written"]["accuracy"] == pytest.approx(sum(values) / 2)
    assert (tmp_path / "c.svg").stat().st_size and len((tmp_path / "c.csv").read_text().splitlines()) == 5

    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("*") if file.is_file()}
    again = call(toy, tmp_path, "--only", "shuffled,fewer-1", "--json")
    assert json.loads(again.stdout) == printed
    assert before == {
        file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("*") if file.is_file()
    }


def test_what_cannot_be_controlled_is_refused(toy: Any, tmp_path: Path) -> None:
    def code(*names: str, **changes: Any) -> str:
        with pytest.raises(UserError) as caught:
            controls.plan(toy.experiment(runs=tmp_path, **changes), (1,), names)
        return caught.value.code

    assert code(method="linear-probe", recipe={}) == "controls-no-attributes"
    assert code("shufled") == "controls-unknown"


def test_old_runs_keep_their_fingerprint(toy_run: Path) -> None:
    config = runs.read_config(toy_run)
    marked = config.model_copy(update={"control": "shuffled"})
    assert config.control is None and config.fingerprint != marked.fingerprint
    values = json.loads((toy_run / runs.CONFIG).read_text())
    del values["control"]
    assert runs.RunConfig.model_validate(values).fingerprint == config.fingerprint
