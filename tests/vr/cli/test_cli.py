"""The `vr` command line as a user meets it: commands, exit statuses, and an instant --help."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vr.runs import run as runs

HEAVY = ("torch", "torchvision", "open_clip", "numpy", "matplotlib", "sklearn", "scipy", "PIL")


class Vr:
    """Runs `vr` in this process as its entry point does: status, what it prints, and nothing else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        from vr.cli import main

        self._monkeypatch.setattr(sys, "argv", ["vr", *words])
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        printed = self._capsys.readouterr()
        return status, printed.out, printed.err


@pytest.fixture
def vr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Vr:
    """The command, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Vr(monkeypatch, capsys)


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\nsys.argv = ['vr', *sys.argv[1:]]\n"
        "from vr.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "HEAVY []"


def test_train_then_eval_as_a_user_types_them(vr: Vr, toy: Any, tmp_path: Path) -> None:
    common = ["--backbone", str(toy.backbone), "--weights", "random", "--device", "cpu"]
    status, trained, log = vr(
        *("train", "--attrs", str(toy.attrs), "--dataset", str(toy.card), "--data", str(toy.data)),
        *("--shots", "4", "--epochs", "2", "--lr", "5", "--batch-size", "6", "--no-augment", "--seed", "3"),
        *(
            "--precision",
            "fp32",
            "--fusion",
            "subtract",
            "--set",
            "k=2",
            "--set",
            "min_crop=0.5",
            "--out",
            "mine",
            *common,
        ),
    )
    assert status == 0, log
    assert "test: 12 images" in trained and "run: mine" in trained
    assert "epoch 2 of 2" in log
    config = runs.read_config(tmp_path / "mine")
    assert config.recipe.epochs == 2 and config.recipe.batch_size == 6 and not config.recipe.augment
    assert config.options["fusion"] == "subtract" and config.options["k"] == 2
    assert config.recipe.min_crop == 0.5
    assert (config.seed, config.shots, config.precision) == (3, 4, "fp32")
    before = (tmp_path / "mine" / runs.PREDICTIONS).read_bytes()
    status, measured, log = vr("eval", "mine", "--device", "cpu")
    assert status == 0, log
    accuracy = [line for line in trained.splitlines() if line.startswith("  accuracy")]
    assert accuracy == [line for line in measured.splitlines() if line.startswith("  accuracy")]
    assert (tmp_path / "mine" / runs.PREDICTIONS).read_bytes() == before
    status, _, log = vr("eval", "mine", "--split", "val", "--device", "cpu")
    assert status == 0, log
    assert json.loads((tmp_path / "mine" / "val" / runs.METRICS).read_text())["images"] == 6
    assert (tmp_path / "mine" / runs.PREDICTIONS).read_bytes() == before


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        (["train"], "experiment-no-dataset", "--attrs"),
        (["train", "--dataset", "ct-kidny"], "card-unknown-dataset", "'ct-kidney'"),
        (["train", "--attrs", "absent.json"], "file-missing", "absent.json"),
        (["train", "--dataset", "ct-kidney"], "data-not-downloaded", "vr data get ct-kidney"),
        (["train", "--dataset", "busi", "--set", "k"], "option-not-key-value", "--set k"),
        (["train", "--dataset", "busi", "--set", "epoch=3"], "method-unknown-setting", "'epochs'"),
        (["train", "--dataset", "busi", "--set", "fusoin=add"], "method-unknown-setting", "'fusion'"),
        (["eval", "nowhere"], "run-not-a-run", "nowhere"),
        (["sweep", "tabel1"], "sweep-unknown-recipe", "'table1'"),
        (["sweep", "table1", "--seeds", "one"], "option-not-whole-numbers", "--seeds one"),
        (["table", "nowhere"], "compare-no-runs", "nowhere"),
    ],
)
def test_mistakes_are_told_without_a_traceback_and_exit_2(
    vr: Vr, tmp_path: Path, words: list[str], code: str, shown: str
) -> None:
    status, _, message = vr(*words)
    assert status == 2
    assert f"[{code}]" in message and shown in message and "Traceback" not in message
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_images_and_an_unreadable_image_are_named(vr: Vr, toy: Any, tmp_path: Path) -> None:
    import shutil

    (tmp_path / "empty" / "bright_spot").mkdir(parents=True)
    words = ["train", "--attrs", str(toy.attrs), "--dataset", str(toy.card), "--shots", "4"]
    words += ["--backbone", str(toy.backbone), "--weights", "random", "--epochs", "1"]
    status, _, told = vr(*words, "--data", str(tmp_path / "empty"))
    assert status == 2 and "no images" in told
    shutil.copytree(toy.data, tmp_path / "Toy")
    victim = tmp_path / "Toy" / "train" / "dark_ring" / "train-0.png"
    victim.write_bytes(victim.read_bytes()[:60])
    status, _, told = vr(*words, "--data", str(tmp_path / "Toy"))
    assert status == 2 and "train-0.png" in told


def test_a_model_that_answers_one_class_is_told() -> None:
    from vr.cli.measured import metric_lines

    metrics: dict[str, Any] = {
        "split": "test",
        "images": 4,
        "overall": {},
        "intervals": {},
        "per_class": {name: {"images": 2, "recall": 0.5} for name in ("cyst", "stone")},
        "confusion_matrix": [[0, 2], [0, 2]],
    }
    assert any("warning" in line and "'stone'" in line for line in metric_lines(metrics))
    metrics["confusion_matrix"] = [[1, 1], [0, 2]]
    assert not any("warning" in line or "never" in line for line in metric_lines(metrics))


def test_failures_of_a_sweep_are_grouped_by_reason() -> None:
    from vr.cli.sweep import grouped

    failures = [
        ("a on x", "no images"),
        ("b on x", "no images"),
        ("a on x", "no images"),
        ("a on y", "other"),
    ]
    assert list(grouped(failures)) == ["a on x, b on x (3 cells): no images", "a on y: other"]


@pytest.mark.parametrize(("state", "offered"), [("finished", True), ("absent", False)])
def test_a_sweep_offers_a_table_only_where_there_is_a_run(
    capsys: pytest.CaptureFixture[str], state: Any, offered: bool
) -> None:
    import typer

    from vr.cli.sweep import _end
    from vr.runs.experiment import Experiment
    from vr.runs.grid import build
    from vr.training.sweep.cell import Cell

    cells = [Cell(Experiment(), Path(), state), Cell(Experiment(), Path(), "failed", "no images")]
    with pytest.raises(typer.Exit):
        _end(cells, [], build({}, {"datasets": ["kidney-phantom"], "methods": ["zero-shot"]}), retry=False)
    shown = capsys.readouterr().out
    assert ("vr table" in shown) is offered and "--retry" in shown
