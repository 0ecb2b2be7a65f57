"""Prediction on Ray: the table of one process, also when a node and an actor die; what is written stays."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from vr.data.loading.unlabelled import image_paths
from vr.inference import on_ray
from vr.inference.decision import Decision
from vr.inference.on_ray import Setup, predict_on_ray
from vr.inference.parquet_parts import read_part
from vr.inference.predict import predict_to_file
from vr.inference.shard import folder_of
from vr.runs.run import Run

from ..three_nodes import ThreeNodes


@pytest.fixture
def setup(loaded_run: Run, with_sets: Decision) -> Setup:
    return Setup(loaded_run.path, {"device": "cpu"}, with_sets, batch_size=2, workers=2)


@pytest.mark.slow
def test_table_of_one_process_though_a_node_and_an_actor_die(
    three_nodes: ThreeNodes, setup: Setup, loaded_run: Run, sixty: Path, tmp_path: Path
) -> None:
    alone, out = tmp_path / "alone.csv", tmp_path / "out.csv"
    expected = predict_to_file(loaded_run, setup.decision, image_paths([sixty]), alone, batch_size=2)
    folder, said = folder_of(out), []

    def kill() -> None:
        until = time.monotonic() + 120
        while not list(folder.glob("part-*")) and time.monotonic() < until:
            time.sleep(0.02)
        three_nodes.kill_worker(b"MapWorker")
        three_nodes.kill_node()

    killer = threading.Thread(target=kill)
    killer.start()
    outcome = predict_on_ray(setup, image_paths([sixty]), out, jobs=2, say=said.append)
    killer.join()
    assert out.read_bytes() == alone.read_bytes()
    assert outcome.rows == 57 and list(map(str, outcome.unreadable)) == list(map(str, expected.unreadable))
    parts = sorted(folder.glob("part-*.parquet"))
    rows = [row for part in parts for row in read_part(part, setup.decision.classes, sets=True, flags=False)]
    assert [row["at"] for row in rows] == list(range(60))
    assert [row["at"] for row in rows if "error" in row] == [5, 25, 45]
    assert any("images in" in line and "limits" in line for line in said)

    before = {part: part.stat().st_mtime_ns for part in parts[1:]}
    parts[0].unlink()
    out.unlink()
    said.clear()
    again = predict_on_ray(setup, image_paths([sixty]), out, jobs=1, say=said.append)
    assert again.before == 44 and said[0] == "continuing after 44 images"
    assert out.read_bytes() == alone.read_bytes()
    assert before == {part: part.stat().st_mtime_ns for part in parts[1:]}
    with pytest.raises(UserError) as caught:
        predict_on_ray(setup, list(image_paths([sixty]))[:-1], tmp_path / "out.csv", jobs=1)
    assert caught.value.code == "predict-other-parts" and "list" in caught.value.what


@pytest.mark.xdist_group("ray")
def test_a_cluster_that_is_started_here(
    setup: Setup, loaded_run: Run, sixty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an address Ray starts on this machine, writes the same table, and ends again."""
    ray = pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    alone, out, said, seen = tmp_path / "alone.csv", tmp_path / "out.csv", [], []
    predict_to_file(loaded_run, setup.decision, image_paths([sixty]), alone, batch_size=2)
    outcome = predict_on_ray(setup, image_paths([sixty]), out, jobs=1, say=said.append, progress=seen.append)
    assert out.read_bytes() == alone.read_bytes()
    assert (outcome.rows, sum(seen)) == (57, 60)
    assert said[-1].startswith("60 images in") and not ray.is_initialized()


def test_chunks_of_a_list(tmp_path: Path) -> None:
    file, paths = tmp_path / "list", [f"{n}\n.png" for n in range(7)]
    chunks = list(on_ray._written(on_ray.ListedPaths(paths), file, 3))
    assert [(chunk.start, chunk.images) for chunk in chunks] == [(0, 3), (3, 3), (6, 1)]
    assert [path for chunk in chunks[::-1] for path in on_ray._paths_of(file, chunk)] == [
        *paths[6:],
        *paths[3:6],
        *paths[:3],
    ]


@pytest.mark.parametrize("head", ["", "[1]", "null", '{"list": 3}', "[" * 100_000])
def test_a_damaged_head_is_that_of_another_prediction(head: str, setup: Setup, tmp_path: Path) -> None:
    on_ray._prepare(tmp_path, setup, ["a.png"], 0, False)
    (tmp_path / on_ray._HEAD).write_text(head)
    (tmp_path / "part-000000000000-000000000001.parquet").touch()
    with pytest.raises(UserError) as caught:
        on_ray._prepare(tmp_path, setup, ["a.png"], 0, False)
    assert caught.value.code == "predict-other-parts"


def test_without_ray(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError) as caught:
        predict_on_ray(setup, [], tmp_path / "out.csv")
    assert caught.value.code == "ray-not-installed"
