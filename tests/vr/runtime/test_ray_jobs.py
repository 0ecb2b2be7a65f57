"""Shares of GPUs: how many jobs fit, and that Ray places so many."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.data.loading.unlabelled import image_paths
from vr.inference.decision import Decision
from vr.inference.on_ray import Setup, predict_on_ray
from vr.runs.run import trained_config
from vr.runtime.ray_jobs import check_share, gpu_share, jobs_to_start, most_jobs
from vr.training import sweep
from vr.training.sweep.on_ray import OnRay

from ..three_nodes import STORE_BYTES
from ..training.sweep.conftest import small_cells


class Nodes:
    """What is asked of Ray here, for nodes of so many CPUs and GPUs; the last one has died."""

    def __init__(self, *nodes: tuple[float, float]) -> None:
        self._nodes = [{"CPU": cpus, **({"GPU": gpus} if gpus else {})} for cpus, gpus in nodes]

    def nodes(self) -> list[dict[str, Any]]:
        dead = {"Alive": False, "Resources": {"CPU": 100.0, "GPU": 100.0}}
        return [*({"Alive": True, "Resources": one} for one in self._nodes), dead]

    def cluster_resources(self) -> dict[str, float]:
        names = {name for one in self._nodes for name in one}
        return {name: sum(one.get(name, 0.0) for one in self._nodes) for name in names}


@pytest.mark.parametrize(
    ("nodes", "share", "jobs"),
    [
        ([(3, 1)], 0.25, 3),  # CPUs are fewer
        ([(3, 1)], 0.5, 2),
        ([(16, 1)], 0.1, 10),
        ([(16, 2)], 0.4, 4),  # two per GPU
        ([(16, 1), (16, 1)], 0.4, 4),
        ([(1, 1), (16, 0)], 0.25, 1),  # the CPUs of a node without a GPU are of no use
        ([(16, 4)], 2.0, 2),
        ([(16, 3)], 2.0, 1),
        ([(16, 1), (4, 0)], 0, 20),
    ],
)
def test_jobs_that_fit(nodes: list[tuple[float, float]], share: float, jobs: int) -> None:
    assert most_jobs(Nodes(*nodes), share) == jobs


def test_a_cluster_that_is_too_small() -> None:
    for nodes, share in (([(3, 1)], 2.0), ([(3, 0)], 0.25), ([(0, 1)], 0.25)):
        with pytest.raises(UserError) as caught:
            jobs_to_start(Nodes(*nodes), None, share, print)
        assert caught.value.code == "ray-too-small"


def test_more_than_fit_are_started_all_the_same() -> None:
    said: list[str] = []
    assert jobs_to_start(Nodes((8, 1)), 5, 0.25, said.append) == 5 and len(said) == 1
    assert jobs_to_start(Nodes((8, 1)), 4, 0.25, said.append) == 4 and len(said) == 1


def test_one_gpu_per_job_where_there_are_any() -> None:
    assert [gpu_share(Nodes((4, 2)), asked) for asked in (None, 0.0, 0.25)] == [1.0, 0.0, 0.25]
    assert gpu_share(Nodes((4, 0)), None) == 0.0


def test_what_is_a_share() -> None:
    for sensible in (None, 0.0, 0.25, 1.0, 3.0):
        check_share(sensible)
    for wrong in (1.5, 1e-9, -1.0, float("nan"), float("inf")):
        with pytest.raises(UserError) as caught:
            check_share(wrong)
        assert caught.value.code == "ray-gpu-share"


def test_what_is_no_share_is_refused_before_any_work(toy: Any, toy_run: Path, tmp_path: Path) -> None:
    words = ["--datasets", str(toy.card), "--data", str(toy.data), "--methods", "zero-shot", "--shots", "2"]
    words += ["--backbone", str(toy.backbone), "--weights", "random", "--runs", str(tmp_path / "runs")]
    for command in (
        ["sweep", *words],
        ["predict", str(toy_run), str(toy.data), "--out", str(tmp_path / "o.csv")],
    ):
        ended = CliRunner().invoke(app, [*command, "--on", "ray", "--gpus-per-job", "1.5"])
        assert isinstance(ended.exception, UserError) and ended.exception.code == "ray-gpu-share"
    assert not (tmp_path / "runs").exists() and not list(tmp_path.glob("o.csv*"))


@pytest.fixture(scope="module")
def one_gpu() -> Iterator[None]:
    """A cluster of a node with six CPUs and a GPU that is none: Ray counts what it is told."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    options = {"num_cpus": 6, "num_gpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", str(cluster.address))
        yield
    cluster.shutdown()


@pytest.mark.xdist_group("ray")
def test_four_jobs_share_a_gpu(one_gpu: None, toy: Any, tmp_path: Path) -> None:
    """There are CPUs for six and cells for six; the GPU is divided among four."""
    import ray

    said: list[str] = []
    free: list[tuple[float, float]] = []

    def on_outcome(outcome: sweep.Outcome) -> None:
        """Wait until the others have their place, too."""
        until = time.monotonic() + (0 if free else 60)
        while True:
            now = ray.available_resources()
            free.append((now.get("CPU", 0.0), now.get("GPU", 0.0)))
            if free[-1] == (2.0, 0.0) or time.monotonic() > until:
                return
            time.sleep(0.1)

    cells = small_cells(toy, tmp_path, 3)
    sweep.sweep(cells, launcher=OnRay(gpus_per_job=0.25, say=said.append), on_outcome=on_outcome)
    assert said == ["4 jobs on 1 nodes"]
    assert (2.0, 0.0) in free  # four jobs have a CPU and a quarter each


@pytest.mark.xdist_group("ray")
def test_actors_of_a_prediction_share_a_gpu(one_gpu: None, toy: Any, toy_run: Path, tmp_path: Path) -> None:
    import ray

    rule = Decision(trained_config(toy_run).card.class_names)
    setup = Setup(toy_run, {"device": "cpu"}, rule, batch_size=1, workers=1)
    free: list[float] = []

    def progress(images: int) -> None:
        free.append(ray.available_resources().get("GPU", 0.0))

    images = image_paths([toy.data])
    predict_on_ray(setup, images, tmp_path / "out.csv", jobs=2, gpus_per_job=0.25, progress=progress)
    assert min(free) in (0.5, 0.75)  # one actor may end before the other has started
