"""`vr train --config`: a TOML file of options, or a run to be repeated."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.runs import run as runs
from vr.runs.repeat import experiment_of
from vr.training.train import run_experiment


def test_options_from_a_toml_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'dataset = "busi"\nmethod = "biomedvr"\ndata-format = "folder"\nskip-unreadable = true\n'
        "[options]\nk = 4\ngate-lr = 0.5\nepochs = 7\n[recipe]\nbatch-size = 3\n"
    )
    asked = experiment_of(file)
    assert (asked.dataset, asked.data_format, asked.skip_unreadable) == ("busi", "folder", True)
    assert asked.options == {"k": 4, "gate_lr": 0.5}
    assert asked.recipe == {"epochs": 7, "batch_size": 3}


def test_every_flag_of_the_command_is_a_key(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'dataset = "kidney-phantom"\nbackbone = "mini"\nformat = "folder"\nepochs = 3\nbatch-size = 5\n'
        'lr = 2.5\naugment = false\nearly-stopping = 4\nclass-weights = "balanced"\nvalidation-curve = true\n'
        'gate = "none"\nframe = 7\nlimit = 9\n[options]\nframe = 8\n[recipe]\nepochs = 6\n'
    )
    asked = experiment_of(file, train_flags())
    assert asked.recipe == {
        **{"epochs": 6, "batch_size": 5, "lr": 2.5, "augment": False, "early_stopping": 4},
        "class_weights": "balanced",
    }
    assert asked.options == {"gate": "none", "frame": 8}  # what a table says wins
    assert (asked.data_format, asked.validate_epochs, asked.limit) == ("folder", True, 9)
    for word in ("resume = true", "dry-run = true", "config = 'x'", "set = ['k=3']"):
        file.write_text(word)
        with pytest.raises(UserError) as caught:
            experiment_of(file, train_flags())
        assert caught.value.code == "experiment-unknown-key"


def test_an_unknown_key_is_compared_with_the_flags(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    for key, near in (("epoch", "'epochs'"), ("early-stop", "'early_stopping'"), ("k", "[options]")):
        file.write_text(f"{key} = 3")
        with pytest.raises(UserError) as caught:
            experiment_of(file, train_flags())
        assert caught.value.code == "experiment-unknown-key" and caught.value.file == str(file)
        assert near in caught.value.remedy and "validate_epochs" not in caught.value.remedy


def train_flags() -> dict[str, str]:
    from typer.main import get_command

    from vr.cli import app
    from vr.cli.options_train import flags_of_files

    command = get_command(app).commands["train"]  # type: ignore[attr-defined]
    return flags_of_files(command.make_context("train", []))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("shotz = 3", "experiment-unknown-key"),
        ("shots = 0", "experiment-value"),
        ("=", "experiment-not-toml"),
    ],
)
def test_a_wrong_file_is_told_by_name(tmp_path: Path, text: str, code: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        experiment_of(file)
    assert (caught.value.code, caught.value.file) == (code, str(file))


def test_a_run_is_finished_from_its_own_configuration(toy_run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(toy_run, copy)
    expected = (copy / runs.PREDICTIONS).read_bytes()
    for name in (runs.MODEL, runs.METRICS, runs.PREDICTIONS):
        (copy / name).unlink()
    asked = experiment_of(copy / runs.CONFIG)
    assert run_experiment(asked, resume=True).path == copy
    assert (copy / runs.PREDICTIONS).read_bytes() == expected


def test_flags_win_over_the_file_and_another_seed_draws_another_sample(
    toy_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vr.cli import values

    base = experiment_of(toy_run / runs.CONFIG)
    same = values.experiment({"lr": 2.0}, ["k=2"], base)
    assert (same.fewshot, same.recipe["lr"], same.options["k"]) == (toy_run / runs.FEWSHOT, 2.0, 2)
    assert same.recipe["epochs"] == 3 and same.card == base.card
    other = values.experiment({"seed": 5}, (), base)
    assert (other.seed, other.fewshot, other.out) == (5, None, None)
    elsewhere: Any = values.experiment({"dataset": "busi"}, (), base)
    assert elsewhere.card is None and elsewhere.attrs is None


@pytest.mark.parametrize("recipe", ["3", '"x"', "[1]"])
def test_a_recipe_that_is_no_table(recipe: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(f"recipe = {recipe}\n[options]\nk = 2\n")
    with pytest.raises(UserError) as caught:
        experiment_of(tmp_path / "a.toml")
    assert caught.value.code == "experiment-value"


def test_a_run_whose_configuration_asks_for_what_cannot_be(toy_run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(toy_run, tmp_path / "run")) / runs.CONFIG
    text = copy.read_text()
    assert '"shots": 4' in text
    copy.write_text(text.replace('"shots": 4', '"shots": 0'))
    with pytest.raises(UserError) as caught:
        experiment_of(copy)
    assert (caught.value.code, caught.value.file) == ("run-config-value", str(copy))
