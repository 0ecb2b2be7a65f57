"""`vr predict`: many files, broken ones among them; killed and gone on with; its exit status."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

import vr
from attrgen.core.errors import UserError
from vr.cli import app
from vr.data.decoding.resize import to_square
from vr.data.loading.unlabelled import UnlabelledFiles, image_paths
from vr.data.sources import open_source
from vr.evaluation.calibrate_run import calibrate_run
from vr.inference import predict as predicting
from vr.inference.decision import Decision
from vr.inference.output import journal_path
from vr.runs import run as runs
from vr.runs.run import Run

COUNT, BROKEN = 300, 10
TEMPERATURE, THRESHOLD, LIMIT = 0.3, 0.7, 0.8


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 images in nested folders, ten of them broken in various ways."""
    root = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        path = root / f"ward-{number // 100}" / f"scan-{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        size = (int(rng.integers(48, 70)), int(rng.integers(48, 70)), 3)
        Image.fromarray(rng.integers(0, 256, size, dtype=np.uint8)).save(path, compress_level=1)
        if number % (COUNT // BROKEN) == 7:
            content = path.read_bytes()
            kinds = (b"", content[: len(content) // 2], b"no image")
            path.write_bytes(kinds[number // (COUNT // BROKEN) % 3])
    return root


@pytest.fixture(scope="module")
def run(toy_run: Path) -> Run:
    return runs.load_run(toy_run)


@pytest.fixture(scope="module")
def decision(run: Run) -> Decision:
    return Decision(run.card.class_names, temperature=TEMPERATURE, threshold=THRESHOLD, set_limit=LIMIT)


@pytest.fixture(scope="module")
def one_by_one(run: Run, decision: Decision, many: Path) -> dict[str, dict[str, Any]]:
    """Rows by path, computed image by image with none of the code under test."""
    actual = {}
    for path in sorted(many.rglob("*.png")):
        try:
            pixels = to_square(UnlabelledFiles().read(str(path)), run.method.image_size)
        except UserError:
            continue
        with torch.no_grad():
            prepared = run.method.prepare(pixels[None].float() / 255)
            chances = (run.method.scores(prepared).fused[0].double() / TEMPERATURE).softmax(0).tolist()
        best = max(range(3), key=lambda c: chances[c])
        actual[str(path)] = {
            "predicted": decision.classes[best],
            "abstained": chances[best] < THRESHOLD,
            "set": {name for name, p in zip(decision.classes, chances, strict=True) if 1 - p <= LIMIT},
            "probabilities": chances,
        }
    assert len(actual) == COUNT - BROKEN
    return actual


def rows_of(table: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in table.read_text("utf-8").splitlines()]


def check_rows(rows: list[dict[str, Any]], expected: dict[str, dict[str, Any]]) -> None:
    assert sorted(row["path"] for row in rows) == sorted(expected)  # none lost, none twice
    for row in rows:
        known = expected[row["path"]]
        assert list(row["probabilities"].values()) == pytest.approx(known["probabilities"], abs=2e-4)
        margin = sorted(known["probabilities"])[-1] - sorted(known["probabilities"])[-2]
        if margin > 1e-3:
            assert row["predicted"] == known["predicted"]
        if abs(max(known["probabilities"]) - THRESHOLD) > 1e-3:
            assert row["abstained"] == known["abstained"]
        if all(abs(1 - p - LIMIT) > 1e-3 for p in known["probabilities"]):
            assert set(row["set"]) == known["set"]


def test_many_are_predicted_as_one_by_one_and_the_broken_are_listed(
    run: Run, decision: Decision, many: Path, one_by_one: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    counted: list[int] = []
    out = tmp_path / "x.jsonl"
    outcome = predicting.predict_to_file(
        run, decision, image_paths([many]), out, batch_size=32, progress=counted.append
    )
    check_rows(rows_of(out), one_by_one)
    assert [row["path"] for row in rows_of(out)] == sorted(one_by_one)  # in the order of the folder
    assert outcome.rows == COUNT - BROKEN and outcome.before == 0
    assert sum(counted) == COUNT
    broken = sorted(set(map(str, many.rglob("*.png"))) - set(one_by_one))
    assert [error.file for error in outcome.unreadable] == broken
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]
    assert {row["abstained"] for row in rows_of(out)} == {True, False}, "the threshold tells nothing apart"


def test_images_are_held_a_batch_at_a_time(
    run: Run, decision: Decision, monkeypatch: pytest.MonkeyPatch, many: Path
) -> None:
    read = 0
    original = UnlabelledFiles.read

    def counting(self: UnlabelledFiles, path: str) -> Image.Image:
        nonlocal read
        read += 1
        return original(self, path)

    monkeypatch.setattr(UnlabelledFiles, "read", counting)
    rows = predicting.predict_files(
        run, decision, image_paths([many]), batch_size=16, workers=2, on_error=lambda error: None
    )
    seen = 0
    for batch in rows:
        seen += len(batch)
        assert read - seen <= BROKEN + 16 + 2 * 2 + 1


class _Stopped(Exception):
    pass


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_stopped_anywhere_and_gone_on_with_it_is_the_same_table(
    ending: str, run: Run, decision: Decision, many: Path, tmp_path: Path
) -> None:
    whole, parts = tmp_path / f"whole{ending}", tmp_path / f"parts{ending}"
    places = list(image_paths([many]))[:90]
    predicting.predict_to_file(run, decision, places, whole, batch_size=8)

    def until(count: int) -> Iterator[str]:
        yield from places[:count]
        raise _Stopped

    for count in (20, 61):
        with pytest.raises(_Stopped):
            predicting.predict_to_file(
                run, decision, until(count), parts, batch_size=8, workers=1, resume=True
            )
        assert not parts.exists()
        journal = journal_path(parts)
        journal.write_bytes(journal.read_bytes()[:-3])  # as a kill in the middle of a line
    outcome = predicting.predict_to_file(run, decision, places, parts, batch_size=8, resume=True)
    assert outcome.before > 40 and outcome.rows == 87
    assert len(outcome.unreadable) == 3, "the broken ones are told at the end, whenever they were met"
    assert not journal.exists()
    assert _comparable(parts) == pytest.approx(_comparable(whole), abs=2e-4)


def _comparable(table: Path) -> dict[str, float]:
    """Number of each class by path, from a table of any form."""
    if table.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        rows = parquet.read_table(table).to_pylist()
    elif table.suffix == ".csv":
        rows = list(csv.DictReader(table.open(newline="")))
    else:
        rows = [{**row, **{f"p({k})": p for k, p in row["probabilities"].items()}} for row in rows_of(table)]
    assert len({row["path"] for row in rows}) == len(rows)
    return {f"{row['path']} {key}": float(row[key]) for row in rows for key in row if key.startswith("p(")}


def test_a_process_that_is_killed_loses_nothing(
    toy_run: Path, many: Path, one_by_one: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "x.jsonl"
    places = list(image_paths([many]))
    command = [sys.executable, "-c", "from vr.cli import main; main()", "predict", str(toy_run), "--stdin"]
    command += ["--out", str(out), "--batch-size", "8", "--device", "cpu", "--workers", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    assert process.stdin is not None
    process.stdin.write("".join(f"{place}\n" for place in places[:150]).encode())
    process.stdin.flush()  # and left open: it waits for more
    journal = journal_path(out)
    until, rows = time.monotonic() + 300, 0
    while rows < 100:
        assert process.poll() is None and time.monotonic() < until, rows
        time.sleep(0.02)
        rows = journal.read_bytes().count(b"\n") - 1 if journal.exists() else 0
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.stdin.close()
    assert not out.exists()
    result = invoke("predict", toy_run, many, "--out", out, "--resume", "--device", "cpu")
    assert result.exit_code == 1
    assert "continuing after 1" in result.output
    assert sorted(row["path"] for row in rows_of(out)) == sorted(one_by_one)
    assert "10 files could not be read" in result.output


def invoke(*words: Any, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, [*map(str, words)], input=stdin)


def refused(*words: Any) -> UserError:
    result = invoke(*words)
    assert isinstance(result.exception, UserError), result.output
    return result.exception


@pytest.fixture
def calibrated(toy_run: Path, toy: Any, tmp_path: Path) -> Path:
    path = Path(shutil.copytree(toy_run, tmp_path / "run"))
    run = runs.load_run(path)
    calibrate_run(run, open_source(run.card, toy.data), pool="all")
    return path


def test_exit_status_and_what_is_said(toy_run: Path, many: Path, tmp_path: Path) -> None:
    whole = invoke("predict", toy_run, many / "ward-0" / "scan-000.png", "--out", tmp_path / "one.csv")
    assert whole.exit_code == 0 and "one.csv: 1 images" in whole.output
    errors = tmp_path / "errors.csv"
    some = invoke("predict", toy_run, many, "--out", tmp_path / "many.csv", "--errors", errors)
    assert some.exit_code == 1
    assert "many.csv: 290 images" in some.output and "10 files could not be read:" in some.output
    rows = list(csv.DictReader(errors.open()))
    assert len(rows) == BROKEN
    assert all(row["path"] in some.output and row["error"] in some.output for row in rows)
    assert {"the file is empty", "not an image that can be read"} < {row["error"] for row in rows}


def test_rows_go_to_stdout_where_no_file_is_named(toy_run: Path, many: Path) -> None:
    stdin = b"".join(os.fsencode(path) + b"\n" for path in sorted((many / "ward-0").iterdir())[:9])
    result = invoke("predict", toy_run, "--stdin", many / "ward-1" / "scan-100.png", stdin=stdin)
    assert result.exit_code == 1
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) == 9 and rows[0]["path"].endswith("ward-1/scan-100.png")
    assert [row["path"] for row in rows[1:]] == sorted(row["path"] for row in rows[1:])
    assert "1 file could not be read" in result.stderr and "scan-007" in result.stderr
    lines = invoke("predict", toy_run, many / "ward-1" / "scan-100.png", "--jsonl").stdout.splitlines()
    assert json.loads(lines[0])["predicted"] == rows[0]["predicted"]


def test_the_calibration_of_the_run_is_used(calibrated: Path, many: Path) -> None:
    image = many / "ward-0" / "scan-003.png"
    values = json.loads((calibrated / runs.CALIBRATION).read_text())
    raw = json.loads(invoke("predict", calibrated, image, "--jsonl", "--raw").stdout)
    own = json.loads(invoke("predict", calibrated, image, "--jsonl", "--sets", "0.5").stdout)
    logits = torch.tensor(list(raw["probabilities"].values())).double().log()
    expected = (logits / values["temperature"]).softmax(0).tolist()
    assert list(own["probabilities"].values()) == pytest.approx(expected, abs=1e-4)
    assert "set" in own and "set" not in raw and raw["abstained"] is False
    never = json.loads(invoke("predict", calibrated, image, "--jsonl", "--threshold", "0").stdout)
    always = json.loads(invoke("predict", calibrated, image, "--jsonl", "--threshold", "1").stdout)
    assert never["abstained"] is False and always["abstained"] is True


def test_images_without_a_common_scale_are_counted(toy_run: Path, many: Path, tmp_path: Path) -> None:
    deep = [tmp_path / f"{number}.png" for number in range(2)]
    for number, path in enumerate(deep):
        Image.fromarray(np.full((50, 50), 1000 + 2000 * number, dtype=np.uint16)).save(path)
    flat = many / "ward-0" / "scan-003.png"
    for extra in ((), ("--out", tmp_path / "x.csv")):
        output = invoke("predict", toy_run, *deep, flat, *extra).stderr
        assert "note: 2 images have more than 8 bits" in output
    assert "8 bits" not in invoke("predict", toy_run, flat).stderr
    run = runs.load_run(toy_run)
    source = UnlabelledFiles(intensity=(0, 4095))
    source.read(str(deep[0]))
    assert source.own_scale.count == 0
    one = predicting.predict_to_file(run, Decision(run.card.class_names), [str(deep[0])], tmp_path / "y.csv")
    assert len(one.notes) == 1 and one.notes[0].startswith(f"{deep[0]} has more than 8 bits")


def test_the_note_says_where_flags_are_of_another_temperature(calibrated: Path, many: Path) -> None:
    image = many / "ward-0" / "scan-003.png"
    evaluated = vr.load(calibrated, device="cpu")
    evaluated.evaluate(operating_point="sensitivity=0.9", class_name=evaluated.classes[0])
    assert "at temperature" not in invoke("predict", calibrated, image).stderr
    assert "at temperature" in invoke("predict", calibrated, image, "--raw").stderr


def test_nothing_is_overwritten_unasked(toy_run: Path, many: Path, tmp_path: Path) -> None:
    image, out, errors = many / "ward-0" / "scan-003.png", tmp_path / "x.csv", tmp_path / "e.csv"
    out.write_text("mine")
    assert refused("predict", toy_run, image, "--out", out).code == "file-exists"
    assert out.read_text() == "mine"
    errors.write_text("mine")
    error = refused("predict", toy_run, image, "--out", tmp_path / "y.csv", "--errors", errors)
    assert (error.code, error.file) == ("file-exists", str(errors)) and errors.read_text() == "mine"
    assert invoke("predict", toy_run, image, "--out", out, "--force", "--errors", errors).exit_code == 0
    assert out.read_text().startswith("path,predicted") and errors.read_text() == "path,error\n"
    finished = invoke("predict", toy_run, many, "--out", out, "--resume")
    assert finished.exit_code == 0 and "is finished already" in finished.output


def test_an_unfinished_table_is_neither_lost_nor_mixed(toy_run: Path, many: Path, tmp_path: Path) -> None:
    image, out = many / "ward-0" / "scan-003.png", tmp_path / "x.csv"
    run = runs.load_run(toy_run)

    def stop() -> Iterator[str]:
        yield str(image)
        raise KeyboardInterrupt

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        plain = Decision(run.card.class_names)
        predicting.predict_to_file(run, plain, stop(), out, batch_size=1, workers=1, say=said.append)
    assert len(said) == 1 and "--resume" in said[0]
    error = refused("predict", toy_run, image, "--out", out)
    assert (error.code, error.file) == ("predict-unfinished", f"{out}.part")
    error = refused("predict", toy_run, image, "--out", out, "--resume", "--threshold", "0.9")
    assert error.code == "journal-other-settings" and "threshold" in error.what
    both = refused("predict", toy_run, image, "--out", out, "--resume", "--force")
    assert both.code == "predict-resume-or-force"
    assert invoke("predict", toy_run, image, "--out", out, "--force", "--threshold", "0.9").exit_code == 0
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["nowhere.png"], "there is no such file or folder"),
        ([], "there is no image"),
        (["--out", "x.txt"], "a table cannot be written as '.txt'"),
        (["--sets", "0.9"], "--sets 0.9 needs a calibration, and the run has none"),
    ],
)
def test_a_wrong_call_fails_before_the_backbone_is_loaded(
    words: list[str], what: str, toy_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "load_run", lambda *_, **__: pytest.fail("loaded"))
    assert refused("predict", toy_run, *words).what == what


def test_a_table_of_broken_files_alone(toy_run: Path, many: Path, tmp_path: Path) -> None:
    result = invoke("predict", toy_run, many / "ward-0" / "scan-007.png", "--out", tmp_path / "x.csv")
    assert result.exit_code == 1
    assert (tmp_path / "x.csv").read_text().count("\n") == 1
