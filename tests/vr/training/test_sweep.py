"""Sweeps: the grid, cells left, broken and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from attrgen.core.locks import locked_folder
from vr.report.comparison import results
from vr.runs import grid
from vr.runs import run as runs
from vr.training import sweep


def _grid(toy: Any, tmp_path: Path, **changes: Any) -> grid.Grid:
    values = {
        "datasets": [{"dataset": str(toy.card), "data": str(toy.data), "attrs": str(toy.attrs)}],
        "methods": ["zero-shot", "attrvr", {"method": "biomedvr", "options": {"fusion": "subtract"}}],
        "shots": [2],
        "seeds": [1, 2],
        "common": {
            "backbone": str(toy.backbone),
            "weights": "random",
            "device": "cpu",
            "runs": str(tmp_path / "runs"),
            "recipe": {"epochs": 2, "batch_size": 8, "lr": 5.0},
        },
    }
    return grid.build({**values, **changes}, {})


@pytest.fixture(scope="module")
def done(toy: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[grid.Grid, Path]:
    """A sweep that ran to its end in two worker processes."""
    place = tmp_path_factory.mktemp("sweep")
    asked = _grid(toy, place)
    outcomes = sweep.sweep([sweep.inspect(cell) for cell in asked.cells()], jobs=2)
    assert [outcome.error for outcome in outcomes] == [""] * 6
    return asked, place / "runs"


def test_every_cell_is_a_run_directory_and_is_left_the_next_time(done: tuple[grid.Grid, Path]) -> None:
    asked, _ = done
    cells = [sweep.inspect(cell) for cell in asked.cells()]
    assert [cell.state for cell in cells] == ["finished"] * 6
    assert all((cell.path / runs.REPORT).is_file() for cell in cells)
    stamps = [(cell.path / runs.METRICS).stat().st_mtime_ns for cell in cells]
    assert sweep.sweep(cells, jobs=1) == []
    assert [(cell.path / runs.METRICS).stat().st_mtime_ns for cell in cells] == stamps


def test_zero_shot_has_no_epochs_and_no_suffix_for_them(done: tuple[grid.Grid, Path]) -> None:
    _, folder = done
    labels = {result.label for result in results.find([folder])}
    assert "zero-shot" in labels
    assert any(label.startswith("biomedvr fusion=subtract") for label in labels)


def test_an_unfinished_cell_alone_is_run_again(toy: Any, tmp_path: Path) -> None:
    asked = _grid(toy, tmp_path, methods=["zero-shot", "attrvr"], seeds=[1])
    cells = [sweep.inspect(cell) for cell in asked.cells()]
    assert [cell.state for cell in cells] == ["absent", "absent"]
    sweep.sweep(cells, jobs=1)
    (cells[1].path / runs.METRICS).unlink()  # as if it had been killed while measuring
    again = [sweep.inspect(cell) for cell in asked.cells()]
    assert [cell.state for cell in again] == ["finished", "unfinished"]
    ran: list[sweep.Outcome] = []
    sweep.sweep(again, jobs=1, on_outcome=ran.append)
    assert [outcome.cell.path for outcome in ran] == [cells[1].path]


def test_a_broken_cell_is_noted_others_go_on_and_it_is_retried_on_request(toy: Any, tmp_path: Path) -> None:
    methods = ["zero-shot", {"method": "attrvr", "options": {"frame": 40}}]
    asked = _grid(toy, tmp_path, methods=methods, seeds=[1])
    outcomes = sweep.sweep([sweep.inspect(cell) for cell in asked.cells()], jobs=1)
    assert ["frame of 40 pixels" in outcome.error for outcome in outcomes] == [False, True]
    cells = [sweep.inspect(cell) for cell in asked.cells()]
    assert [cell.state for cell in cells] == ["finished", "failed"]
    assert "frame of 40 pixels" in cells[1].reason
    assert sweep.sweep(cells, jobs=1) == []
    assert len(sweep.sweep(cells, jobs=1, retry=True)) == 1


def test_a_dataset_without_images_is_a_broken_cell_with_its_reason(tmp_path: Path) -> None:
    asked = grid.build({"datasets": ["ct-kidney"], "methods": ["zero-shot"], "seeds": [1]}, {})
    (cell,) = [sweep.inspect(cell) for cell in asked.cells()]
    assert cell.state == "failed" and "are not there" in cell.reason


def test_another_run_in_a_cells_place_is_not_taken_for_it(toy: Any, done: tuple[grid.Grid, Path]) -> None:
    asked, _ = done
    first = next(cell for cell in asked.cells() if cell.method == "attrvr")
    other = first.model_copy(
        update={"recipe": {**first.recipe, "epochs": 3}, "out": sweep.inspect(first).path}
    )
    cell = sweep.inspect(other)
    assert cell.state == "failed" and "other settings: recipe" in cell.reason


def test_a_killed_sweep_leaves_whole_cells_and_goes_on(toy: Any, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'datasets = [{{ dataset = "{toy.card}", data = "{toy.data}", attrs = "{toy.attrs}" }}]\n'
        'methods = ["attrvr", "biomedvr"]\nshots = [2]\nseeds = [1, 2]\n[common]\n'
        f'backbone = "{toy.backbone}"\nweights = "random"\ndevice = "cpu"\nruns = "{tmp_path / "runs"}"\n'
        "[common.recipe]\nepochs = 6\nlr = 5.0\n"
    )
    command = [sys.executable, "-c", "from vr.cli import main; main()", "sweep", str(recipe)]
    process = subprocess.Popen(command, start_new_session=True, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "runs").rglob(runs.METRICS)) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    trained = [path.parent for path in (tmp_path / "runs").rglob(runs.METRICS)]
    assert 1 <= len(trained) < 4
    names = (runs.METRICS, runs.MODEL, runs.HISTORY, runs.PREDICTIONS)
    written = {path / name: (path / name).stat().st_mtime_ns for path in trained for name in names}
    reported = sum((path / runs.REPORT).is_file() for path in trained)  # a kill may precede the report
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"4 cells, {reported} finished already" in ended.stdout
    assert {path: path.stat().st_mtime_ns for path in written} == written  # no training is repeated
    for name in (runs.METRICS, runs.REPORT):
        assert len(list((tmp_path / "runs").rglob(name))) == 4
    assert not list((tmp_path / "runs").rglob(".*.tmp"))


class TestRecipes:
    @pytest.mark.parametrize("name", sorted(grid.shipped()))
    def test_every_shipped_recipe_is_valid(self, name: str) -> None:
        from vr.methods import find_method
        from vr.runs.settings import preset

        cells = list(grid.load(name, {"seeds": [1]}).cells())  # seeds change nothing of a setting
        assert len(cells) >= 3
        for cell in cells:
            kind = find_method(cell.method)
            options, recipe = preset(kind, cell.preset, cell.shots)
            assert set(cell.options) <= set(type(options).model_fields)
            assert set(cell.recipe) <= set(type(recipe).model_fields)

    def test_flags_replace_what_the_recipe_says(self) -> None:
        changed = {"seeds": [7], "datasets": ["busi"], "common": {"recipe": {"epochs": 5}}}
        cells = list(grid.load("table1", changed).cells())
        assert {cell.seed for cell in cells} == {7} and {cell.dataset for cell in cells} == {"busi"}
        assert all(cell.recipe == {"epochs": 5} for cell in cells)

    def test_unknown_recipe_and_key_are_told(self, tmp_path: Path) -> None:
        with pytest.raises(UserError) as caught:
            grid.load("tabel1", {})
        assert caught.value.code == "sweep-unknown-recipe"
        file = tmp_path / "x.toml"
        file.write_text('datasets = ["busi"]\nmethods = ["vp"]\nsead = [1]\n')
        with pytest.raises(UserError) as caught:
            grid.load(str(file), {})
        assert caught.value.code == "sweep-unknown-key"
        file.write_text('datasets = ["busi"]\nmethods = ["vp"]\n[common]\nbackbon = "mini"\n')
        with pytest.raises(UserError) as caught:
            list(grid.load(str(file), {}).cells())
        assert caught.value.code == "sweep-unknown-key"


def test_a_report_that_a_killed_sweep_did_not_write_is_written(toy: Any, tmp_path: Path) -> None:
    asked = _grid(toy, tmp_path, methods=["zero-shot"], seeds=[1])
    (cell,) = [sweep.inspect(cell) for cell in asked.cells()]
    sweep.sweep([cell])
    metrics = (cell.path / runs.METRICS).read_bytes()
    (cell.path / runs.REPORT).unlink()
    (again,) = [sweep.inspect(cell) for cell in asked.cells()]
    assert again.state == "unfinished"
    sweep.sweep([again])
    assert (cell.path / runs.REPORT).is_file() and (cell.path / runs.METRICS).read_bytes() == metrics


class TestSharedFolder:
    @contextmanager
    def _run_elsewhere(self, path: Path, events: dict[str, threading.Event]) -> Iterator[None]:
        """Hold the lock of a run in another thread until the event "leave" is set."""

        def hold() -> None:
            with locked_folder(path):
                events["held"].set()
                assert events["leave"].wait(60)

        thread = threading.Thread(target=hold)
        thread.start()
        assert events["held"].wait(60)
        try:
            yield
        finally:
            events["leave"].set()
            thread.join()

    @pytest.mark.parametrize("end", ["stopped", "failed"])
    def test_a_cell_of_another_process_is_left_for_the_end(self, toy: Any, tmp_path: Path, end: str) -> None:
        asked = _grid(toy, tmp_path, methods=["zero-shot"])
        cells = [sweep.inspect(cell) for cell in asked.cells()]
        events = {name: threading.Event() for name in ("held", "leave")}
        said: list[str] = []
        ran: list[tuple[Path, str]] = []

        def left(line: str) -> None:
            said.append(line)
            if end == "failed":
                (cells[0].path / sweep.ERROR).write_text('{"error": "no memory"}')
            events["leave"].set()

        with self._run_elsewhere(cells[0].path, events):
            sweep.sweep(
                cells,
                say=left,
                on_outcome=lambda outcome: ran.append((outcome.cell.path, outcome.error)),
            )
        assert len(said) == 1 and str(cells[0].path) in said[0]
        error = "no memory" if end == "failed" else ""
        assert ran == [(cells[1].path, ""), (cells[0].path, error)]
        state = "failed" if end == "failed" else "finished"
        assert [sweep.inspect(cell).state for cell in asked.cells()] == [state, "finished"]


def test_two_trainings_in_one_directory_are_one(toy: Any, tmp_path: Path) -> None:
    from vr.training.train import run_experiment

    asked = toy.experiment(method="zero-shot", out=tmp_path / "run")
    codes: list[str] = []

    def another(resolved: object) -> None:
        def train() -> None:
            try:
                run_experiment(asked)
            except UserError as error:
                codes.append(error.code)

        with locked_folder(tmp_path / "run"):
            thread = threading.Thread(target=train)
            thread.start()
            thread.join()

    run_experiment(asked, on_resolved=another)
    assert codes == ["locked"]
    with pytest.raises(UserError) as caught:
        run_experiment(asked)
    assert caught.value.code == "run-exists"
