"""`vr train --folds`: every image is tested once, a fold opens again, one row of the table."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.evaluation.evaluation import evaluate_run
from vr.report.comparison import results, table
from vr.report.comparison.formats import to_markdown
from vr.runs import grid, predictions
from vr.runs import run as runs
from vr.runs.images import open_images
from vr.runs.run import Run
from vr.training import sweep
from vr.training.cross_validation import cross_validate, spread_lines

FOLDS = 3


@pytest.fixture(scope="module")
def data(toy: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(toy.data, tmp_path_factory.mktemp("data") / "Toy"))


@pytest.fixture(scope="module")
def folds(toy: Any, data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    root = tmp_path_factory.mktemp("folds")
    return cross_validate(toy.experiment(method="linear-probe", data=data, folds=FOLDS, runs=root, recipe={}))


def test_every_image_is_tested_in_one_fold(folds: list[Run], data: Path) -> None:
    tested = [predictions.load(run.path / runs.PREDICTIONS).paths for run in folds]
    assert sorted(path for paths in tested for path in paths) == sorted(
        str(path.relative_to(data)) for path in data.rglob("*.png")
    )
    for run, paths in zip(folds, tested, strict=True):
        sample = (run.path / runs.FEWSHOT).read_text()
        assert not any(path in sample for path in paths)
    assert [run.path.name for run in folds] == ["fold-1", "fold-2", "fold-3"]
    assert "+folds=3" in str(folds[0].path)


def test_a_fold_opens_again_with_its_own_test_images(folds: list[Run], tmp_path: Path) -> None:
    run = runs.load_run(folds[1].path)
    metrics = evaluate_run(run, open_images(run.config), out=tmp_path)
    assert metrics["overall"] == runs.read_metrics(run.path)["overall"]


def test_moved_images_are_recognised_and_changed_ones_refused(
    folds: list[Run], data: Path, tmp_path: Path
) -> None:
    config = folds[0].config
    moved = Path(shutil.copytree(data, tmp_path / "Toy"))
    assert open_images(config, moved).splits["test"] == open_images(config).splits["test"]
    next(moved.rglob("*.png")).unlink()
    changed = config.model_copy(update={"data": str(moved)})
    with pytest.raises(UserError) as caught:
        open_images(changed)
    assert caught.value.code == "run-folds-changed"
    assert set(open_images(config, moved).splits) == {"train", "val", "test"}  # as another collection


def test_one_row_with_the_spread_over_folds(folds: list[Run]) -> None:
    (made,) = table.make_tables(results.find([folds[0].path.parent]))
    accuracies = [runs.read_metrics(run.path)["overall"]["accuracy"] for run in folds]
    cell = made.cells["linear-probe folds=3", "toy"]
    assert made.rows == ("linear-probe folds=3",) and cell.folds == FOLDS
    assert cell.spread is not None and cell.spread.seeds == 1
    assert cell.spread.mean == pytest.approx(sum(accuracies) / FOLDS)
    assert cell.interval is not None  # of all images together
    assert "over 3 folds" in to_markdown(made)
    lines = spread_lines(folds)
    assert lines[0].startswith("3 folds, 33 images") and len(lines) == 7
    assert f"{100 * cell.spread.mean:.1f}%" in lines[1]


def test_an_incomplete_cross_validation_has_no_interval(folds: list[Run]) -> None:
    actual = results.find([folds[0].path.parent])
    (made,) = table.make_tables(actual[:2])
    assert made.cells["linear-probe folds=3", "toy"].interval is None


def test_a_difference_is_paired_over_all_images_of_all_folds(
    toy: Any, data: Path, folds: list[Run], tmp_path: Path
) -> None:
    asked = toy.experiment(method="zero-shot", data=data, folds=FOLDS, runs=tmp_path, recipe={})
    cross_validate(asked)
    (made,) = table.make_tables(results.find([tmp_path, folds[0].path.parent]), baseline="zero-shot folds=3")
    difference = made.cells["linear-probe folds=3", "toy"].difference
    assert difference is not None and difference.seeds == 1


def test_too_many_shots_are_found_before_training(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        cross_validate(toy.experiment(method="zero-shot", folds=2, shots=9, runs=tmp_path, recipe={}))
    assert not list(tmp_path.iterdir())


def test_the_command_and_a_sweep(toy: Any, data: Path, tmp_path: Path) -> None:
    words = ["train", "--dataset", str(toy.card), "--data", str(data), "--method", "zero-shot"]
    words += ["--backbone", str(toy.backbone), "--weights", "random", "--shots", "2", "--folds", "2"]
    done = CliRunner().invoke(app, [*words, "--attrs", str(toy.attrs), "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert "2 folds, 33 images" in done.output and (tmp_path / "run" / "fold-2" / runs.METRICS).is_file()
    values = {
        "datasets": [{"dataset": str(toy.card), "data": str(data), "attrs": str(toy.attrs)}],
        "methods": ["zero-shot"],
        "shots": [2],
        "seeds": [1],
        "folds": 2,
        "common": {"backbone": str(toy.backbone), "weights": "random", "runs": str(tmp_path / "runs")},
    }
    cells = [sweep.inspect(cell) for cell in grid.build(values, {}).cells()]
    assert len(cells) == 2
    assert [outcome.error for outcome in sweep.sweep(cells, jobs=1)] == ["", ""]
    assert [sweep.inspect(cell.asked).state for cell in cells] == ["finished", "finished"]


@pytest.mark.parametrize("change", [{"folds": 2}, {"fold": 1}, {"folds": 2, "fold": 3}])
def test_a_fold_has_a_number_among_them(toy: Any, change: dict[str, int]) -> None:
    from vr.runs.experiment import resolve

    with pytest.raises(UserError) as caught:
        resolve(toy.experiment(**change))
    assert caught.value.code == "experiment-fold"
