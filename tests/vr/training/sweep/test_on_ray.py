"""Sweeps on Ray: nodes and workers that die, drivers that are stopped; equal to the local launcher's runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from attrgen.core.version import program_version
from vr.runs import run as runs
from vr.runtime import ray_cluster
from vr.training import sweep
from vr.training.sweep import on_ray
from vr.training.sweep.on_ray import OnRay

from ...three_nodes import ThreeNodes
from .conftest import digests, small_cells


def _swept_with_deaths(cluster: ThreeNodes, toy: Any, tmp_path: Path, seeds: int) -> list[str]:
    """Compare a sweep in which a node and a worker die with a local one; what was said meanwhile."""
    local, on_cluster, said = tmp_path / "local", tmp_path / "ray", []
    sweep.sweep(small_cells(toy, local, seeds), jobs=1)
    cells = small_cells(toy, on_cluster, seeds)
    ended: list[sweep.Outcome] = []

    def on_outcome(outcome: sweep.Outcome) -> None:
        ended.append(outcome)
        if len(ended) == len(cells) // 6:
            cluster.kill_node()
        if len(ended) == len(cells) // 3:
            cluster.kill_worker(b"_Worker")

    sweep.sweep(cells, launcher=OnRay(jobs=3, say=said.append), on_outcome=on_outcome)
    assert sorted(outcome.cell.path for outcome in ended) == sorted(cell.path for cell in cells)
    assert {outcome.error for outcome in ended} == {""}
    assert digests(on_cluster) == digests(local)
    assert len(digests(local)) == 3 * len(cells)
    again = small_cells(toy, on_cluster, seeds)
    assert {cell.state for cell in again} == {"finished"} and sweep.sweep(again, launcher=OnRay()) == []
    return said


@pytest.mark.xdist_group("ray")
def test_a_cluster_that_is_started_here(toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an address Ray starts on this machine, computes the same, and ends again."""
    ray = pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    local, on_cluster, said = tmp_path / "local", tmp_path / "ray", []
    sweep.sweep(small_cells(toy, local, 1), jobs=1)
    outcomes = sweep.sweep(small_cells(toy, on_cluster, 1), launcher=OnRay(jobs=1, say=said.append))
    assert [outcome.error for outcome in outcomes] == ["", ""] and said == ["1 jobs on 1 nodes"]
    assert digests(on_cluster) == digests(local) and not ray.is_initialized()


@pytest.mark.slow
def test_node_and_worker_die(three_nodes: ThreeNodes, toy: Any, tmp_path: Path) -> None:
    said = _swept_with_deaths(three_nodes, toy, tmp_path, seeds=4)
    assert said[0] == "3 jobs on 3 nodes"
    assert any("is given to another one" in line for line in said)


@pytest.mark.slow
def test_sixty_cells(three_nodes: ThreeNodes, toy: Any, tmp_path: Path) -> None:
    _swept_with_deaths(three_nodes, toy, tmp_path, seeds=30)


@pytest.mark.slow
def test_driver_killed_and_stopped(three_nodes: ThreeNodes, toy: Any, tmp_path: Path, _cache: Path) -> None:
    """The driver is killed, then started again and stopped; a third one does only what remains."""
    folder = tmp_path / "runs"
    command = [sys.executable, "-c", "from vr.cli import main; main()", "sweep", "--on", "ray", "--jobs", "2"]
    command += ["--datasets", str(toy.card), "--data", str(toy.data), "--methods", "zero-shot,attrvr"]
    command += ["--backbone", str(toy.backbone), "--weights", "random", "--device", "cpu", "--shots", "2"]
    command += ["--seeds", "1,2,3,4", "--epochs", "2", "--runs", str(folder)]
    environment = {**os.environ, "VR_CACHE": str(_cache), "OMP_NUM_THREADS": "1"}
    (tmp_path / "attrs").mkdir()
    (tmp_path / "attrs" / "toy.json").write_bytes(toy.attrs.read_bytes())

    def finished() -> dict[Path, int]:
        """When the metrics of each complete cell were written; the report is its last file."""
        complete = [path for path in folder.rglob(runs.METRICS) if (path.parent / runs.REPORT).is_file()]
        return {path: path.stat().st_mtime_ns for path in complete}

    before: dict[Path, int] = {}
    for end in (signal.SIGKILL, signal.SIGINT):
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True)
        until = time.monotonic() + 300
        while len(finished()) <= len(before) and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(process.pid, end)
        process.wait(120)
        assert before.items() <= finished().items()
        time.sleep(1)  # actors end with their driver
        before = finished()
    assert 2 <= len(before) < 8
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert f"{len(before)} finished already" in ended.stdout
    assert f"{8 - len(before)} cells done" in ended.stdout
    assert len(finished()) == 8 and before.items() <= finished().items()


class TestRefusals:
    def test_without_ray(self, toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "ray", None)
        with pytest.raises(UserError) as caught:
            sweep.sweep(small_cells(toy, tmp_path, 1), launcher=OnRay())
        assert caught.value.code == "ray-not-installed" and "biomedvr[ray]" in caught.value.remedy

    def test_folder_that_is_not_shared(self, tmp_path: Path) -> None:
        name, here = "node-2", (program_version(), ray_cluster._python())
        ray_cluster._check_answer(name, *here, None, tmp_path)
        with pytest.raises(UserError) as caught:
            ray_cluster._check_answer(name, *here, str(tmp_path), tmp_path)
        assert (caught.value.code, caught.value.file) == ("ray-folder-not-shared", str(tmp_path))
        with pytest.raises(UserError) as caught:
            ray_cluster._check_answer(name, "0.0.1", here[1], None, tmp_path)
        assert caught.value.code == "ray-other-version"
        assert ray_cluster._look_around(str(tmp_path), str(tmp_path / "x" / ".shared"))[2] == str(
            tmp_path / "x"
        )


def test_cell_whose_worker_always_dies_fails(tmp_path: Path, toy: Any) -> None:
    (cell, *_) = small_cells(toy, tmp_path, 1)
    pool = object.__new__(on_ray._Pool)
    pool._say, pool._tasks, pool._deaths = lambda line: None, {}, on_ray.Counter()
    pool._ready = lambda worker: object()  # type: ignore[method-assign]
    waiting: Any = on_ray.deque()
    for _ in range(on_ray._TRIES - 1):
        assert list(pool._after_death("worker", cell, RuntimeError(), waiting)) == []
        assert waiting.popleft() is cell
    (outcome,) = pool._after_death("worker", cell, RuntimeError(), waiting)
    assert "died 4 times" in outcome.error and sweep.inspect(cell.asked).state == "failed"
