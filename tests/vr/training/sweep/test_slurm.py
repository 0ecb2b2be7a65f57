"""Sweeps on Slurm: with a real one where it is installed, and with a stand-in of its commands everywhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from attrgen.core.errors import UserError
from vr.cli import app
from vr.runs import run as runs
from vr.training import sweep
from vr.training.checkpoint import epochs_done
from vr.training.sweep import slurm, task
from vr.training.sweep.slurm import SlurmSettings
from vr.training.sweep.status import status

from . import real_slurm
from .conftest import digests, small_cells
from .real_slurm import Slurm

LONG = 2000  # epochs of a cell that is still running when the signal comes


def until(condition: Callable[[], bool], what: str, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def write_recipe(toy: Any, folder: Path, epochs: int) -> Path:
    recipe = folder / "recipe.toml"
    recipe.write_text(
        f'datasets = [{{ dataset = "{toy.card}", data = "{toy.data}", attrs = "{toy.attrs}" }}]\n'
        'methods = ["zero-shot", "attrvr"]\nshots = [2]\nseeds = [1]\n[common]\n'
        f'backbone = "{toy.backbone}"\nweights = "random"\ndevice = "cpu"\nruns = "{folder / "runs"}"\n'
        f"[common.recipe]\nepochs = {epochs}\nbatch_size = 8\nlr = 5.0\n"
    )
    return recipe


def invoke(*words: Any) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


@pytest.fixture
def cluster(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, _cache: Path
) -> Iterator[Slurm]:
    if os.name != "posix" or os.geteuid() != 0 or (absent := real_slurm.missing()):
        pytest.skip("no real Slurm here (apt-get install slurm-wlm munge, as root); its stand-in is tested")
    started = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        started.start()
    except (RuntimeError, TimeoutError, OSError) as error:
        started.stop()
        pytest.skip(f"Slurm is installed and does not start here; its stand-in is tested: {error}")
    for key in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(key, started.environment[key])
    monkeypatch.setenv("VR_CACHE", str(_cache))
    yield started
    started.call("scancel", "--user=root")
    started.stop()
    assert not absent


def test_array_job_stops_at_its_limit_is_requeued_and_finishes(
    cluster: Slurm, toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe, settings = write_recipe(toy, tmp_path, LONG), tmp_path / "cluster.toml"
    settings.write_text(
        'partition = "short"\ntime = "10"\ncpus = 1\nprologue = ["export OMP_NUM_THREADS=1"]\n'
    )
    submitted = invoke("sweep", recipe, "--on", "slurm", "--slurm", settings)
    assert submitted.exit_code == 0 and "2 cells in 2 tasks" in submitted.output
    job = submitted.output.split("job ")[1].split(":")[0]
    (logs,) = (tmp_path / "runs" / slurm.FOLDER).iterdir()
    long_run = next(path.parent for path in _waited(tmp_path, "attrvr", runs.CONFIG))
    until(lambda: len(list((tmp_path / "runs").rglob(runs.METRICS))) == 1, "the short cell ends")
    status = "1 of 2 cells finished, 1 running"  # a cell is running until its lock is free
    until(lambda: status in invoke("sweep", recipe, "--status").output, "the short cell has finished")
    until((long_run / runs.CHECKPOINT).is_file, "the long cell writes its first checkpoint")
    cluster.call("scancel", "--batch", "--signal=USR1", f"{job}_1")  # as Slurm does before the time limit
    until(lambda: "back into the queue" in (logs / "1.log").read_text(), "the task is requeued")
    done = epochs_done(long_run / runs.CHECKPOINT)
    assert 1 <= done < LONG
    until(lambda: cluster.call("squeue", "-h", "-o", "%T").strip() == "PENDING", "it is back in the queue")
    assert "1 stopped" in invoke("sweep", recipe, "--status").output
    cluster.call("scontrol", "update", f"jobid={job}_1", "starttime=now")
    until(lambda: (long_run / runs.METRICS).is_file(), "the long cell ends")
    until(lambda: not cluster.call("squeue", "-h").strip(), "the queue is empty")
    assert "2 of 2 cells finished" in invoke("sweep", recipe, "--status").output
    local = tmp_path / "local"
    invoke("sweep", recipe, "--runs", local)
    assert digests(tmp_path / "runs") == digests(local)


def _waited(folder: Path, method: str, name: str) -> list[Path]:
    def files() -> list[Path]:
        return [path for path in (folder / "runs").rglob(name) if method in str(path)]

    until(lambda: bool(files()), f"{method} begins")
    return files()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs called sbatch and scontrol that write down how they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    answers = {"sbatch": 'echo "17;cluster"', "scontrol": 'echo "MaxArraySize            = 3"'}
    for name, answer in answers.items():
        program = folder / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >> "{folder}/calls"\n{answer}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--on", "moon"], "sweep-unknown-launcher"),
        (["--gpus-per-job", "0.5"], "option-needs-another"),
        (["--on", "ray", "--slurm", "x.toml"], "option-needs-another"),
    ],
)
def test_options_of_another_engine(words: list[str], code: str, toy: Any, tmp_path: Path) -> None:
    error = invoke("sweep", write_recipe(toy, tmp_path, 1), *words).exception
    assert isinstance(error, UserError) and error.code == code


class TestSubmission:
    def test_script(self, toy: Any, tmp_path: Path, stand_in: Path) -> None:
        settings = SlurmSettings(
            partition="gpu", account="lab", time="04:00:00", memory="16G", gpus=1, at_once=5,
            prologue=["module load cuda"], options=["--exclude=node7"], cells_per_task=2,
        )  # fmt: skip
        cells = small_cells(toy, tmp_path / "runs", 2)
        submission = slurm.submit(cells, settings)
        assert (submission.job, submission.tasks) == ("17", 2)
        lines = (submission.folder / "job.sh").read_text().splitlines()
        assert {
            "#SBATCH --array=0-1%5",
            "#SBATCH --partition=gpu",
            "#SBATCH --account=lab",
            "#SBATCH --time=04:00:00",
            "#SBATCH --mem=16G",
            "#SBATCH --gpus-per-task=1",
            "#SBATCH --signal=B:USR1@120",
            "#SBATCH --requeue",
            "#SBATCH --exclude=node7",
        } <= set(lines)
        assert lines[-2] == "module load cuda" and lines[-1].startswith("exec ")
        assert f"sbatch --parsable {submission.folder / 'job.sh'}" in (stand_in / "calls").read_text()
        file = submission.folder / "cells.jsonl"
        assert [task.cells_of(file, number, 2) for number in (0, 1)] == [
            [cell.asked for cell in cells[:2]],
            [cell.asked for cell in cells[2:]],
        ]

    def test_more_cells_than_an_array_may_have(self, toy: Any, tmp_path: Path, stand_in: Path) -> None:
        submission = slurm.submit(small_cells(toy, tmp_path / "runs", 4), SlurmSettings())
        assert submission.tasks == 3
        script = (submission.folder / "job.sh").read_text()
        assert "--array=0-2\n" in script and script.rstrip().endswith('"$SLURM_ARRAY_TASK_ID" 3')

    def test_refused(self, toy: Any, tmp_path: Path, stand_in: Path) -> None:
        (stand_in / "sbatch").write_text('#!/bin/bash\necho "invalid partition" >&2\nexit 1\n')
        with pytest.raises(UserError) as caught:
            slurm.submit(small_cells(toy, tmp_path / "runs", 1), SlurmSettings())
        assert caught.value.code == "slurm-refused" and "invalid partition" in caught.value.what

    def test_without_slurm(self, toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(UserError) as caught:
            slurm.submit(small_cells(toy, tmp_path / "runs", 1), SlurmSettings())
        assert caught.value.code == "slurm-missing"
        error = invoke("sweep", write_recipe(toy, tmp_path, 1), "--on", "slurm").exception
        assert isinstance(error, UserError) and error.code == "slurm-missing"

    def test_misspelled_setting(self, tmp_path: Path) -> None:
        (tmp_path / "x.toml").write_text('partitions = "gpu"\n')
        with pytest.raises(UserError) as caught:
            slurm.read_settings(tmp_path / "x.toml")
        assert caught.value.code == "slurm-unknown-key"


class TestTask:
    def start(self, toy: Any, tmp_path: Path, epochs: int) -> tuple[subprocess.Popen[bytes], Path]:
        """A task whose first cell has been begun, and that cell's directory."""
        cells = small_cells(toy, tmp_path / "runs", 1, recipe={"epochs": epochs, "batch_size": 8, "lr": 5.0})
        file = tmp_path / "cells.jsonl"
        file.write_text("".join(cell.asked.model_dump_json() + "\n" for cell in cells[::-1]))
        command = [sys.executable, "-m", "vr.training.sweep.task", str(file), "0", "2"]
        process = subprocess.Popen(
            command,
            env={**os.environ, "SLURM_ARRAY_JOB_ID": "17", "SLURM_ARRAY_TASK_ID": "3"},
            stdout=(tmp_path / "log").open("wb"),
        )
        until(lambda: (cells[1].path / runs.FEWSHOT).is_file(), "the cell begins")
        time.sleep(1.0)  # some epochs
        return process, cells[1].path

    def test_time_limit(self, toy: Any, tmp_path: Path, stand_in: Path) -> None:
        process, path = self.start(toy, tmp_path, 10**6)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(60) == 0
        assert "scontrol requeue 17_3\n" in (stand_in / "calls").read_text()
        assert epochs_done(path / runs.CHECKPOINT) >= 1 and not (path / sweep.ERROR).exists()
        assert not list((tmp_path / "runs").rglob(runs.METRICS)), "the second cell was begun"

    def test_cancelled(self, toy: Any, tmp_path: Path, stand_in: Path) -> None:
        process, path = self.start(toy, tmp_path, 10**6)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 1
        assert not (stand_in / "calls").exists() and epochs_done(path / runs.CHECKPOINT) >= 1

    def test_all_cells_and_a_failed_one(self, toy: Any, tmp_path: Path) -> None:
        cells = small_cells(toy, tmp_path / "runs", 1)
        assert task.run_task([cell.asked for cell in cells], task.Signals()) == 0
        assert {sweep.inspect(cell.asked).state for cell in cells} == {"finished"}
        wrong = cells[1].asked.model_copy(update={"options": {"frame": 40}})
        assert task.run_task([wrong], task.Signals()) == 1
        assert sweep.inspect(wrong).state == "failed"

    def test_no_epoch_before_the_limit(self, stand_in: Path) -> None:
        signals = task.Signals(signal.SIGUSR1)
        assert task._after_signal(signals, progressed=False) == 1
        assert not (stand_in / "calls").exists()


@pytest.mark.parametrize("line", ["{", "[]", '{"shots": 0}', '{"shot": 1}', "[" * 100_000, "\ud800"])
def test_a_damaged_list_of_cells(tmp_path: Path, line: str) -> None:
    cells = tmp_path / "cells.jsonl"
    cells.write_text('{"shots": 3}\n' + line + "\n", "utf-8", "backslashreplace")
    assert [cell.shots for cell in task.cells_of(cells, 0, 1)] == [3]
    with pytest.raises(UserError) as caught:
        task.cells_of(cells, 1, 1)
    assert caught.value.code.startswith("sweep-cells")


def test_status_of_a_sweep(toy: Any, tmp_path: Path) -> None:
    cells = small_cells(toy, tmp_path / "runs", 2)
    sweep.sweep(cells[:2], jobs=1)
    from attrgen.core.locks import locked_folder

    with locked_folder(cells[2].path):
        seen = status([sweep.inspect(cell.asked) for cell in cells])
    assert [len(group) for group in (seen.finished, seen.running, seen.absent)] == [2, 1, 1]
    assert seen.pace > 0 and seen.hours_left == pytest.approx(2 / seen.pace)
    assert seen.lines()[0].startswith("2 of 4 cells finished, 1 running, 0 stopped, 0 failed, 1 not started")
    assert len(status([sweep.inspect(cell.asked) for cell in cells]).running) == 0
