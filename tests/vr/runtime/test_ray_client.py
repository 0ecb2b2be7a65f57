"""`--on ray://HOST:PORT`: sweeps and predictions that are started outside of the cluster."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.runtime import ray_client, ray_cluster
from vr.runtime.ray_client import require_answer
from vr.runtime.ray_cluster import connected

from ..three_nodes import STORE_BYTES


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where a cluster of one node with two CPUs is reached from outside."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    options = {"num_cpus": 2, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    for _ in range(3):  # its client server does not always start
        port = free_port()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GRPC_ENABLE_FORK_SUPPORT", "0")  # with it, it starts less often
            patch.delenv("RAY_ADDRESS", raising=False)
            head = {**options, "ray_client_server_port": port}
            cluster = Cluster(initialize_head=True, head_node_args=head)
        if answers(port):
            break
        cluster.shutdown()
    yield f"ray://127.0.0.1:{port}"
    cluster.shutdown()


def answers(port: int, seconds: float = 60.0) -> bool:
    """Whether something listens at a port before the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.5)
    return False


@pytest.mark.xdist_group("ray")
class TestFromOutside:
    def test_sweep(self, address: str, toy: Any, tmp_path: Path) -> None:
        words = ["sweep", "--methods", "zero-shot", "--shots", "2", "--seeds", "1,2", "--device", "cpu"]
        words += ["--datasets", str(toy.card), "--data", str(toy.data), "--weights", "random"]
        words += ["--backbone", str(toy.backbone), "--runs"]
        local = CliRunner().invoke(app, [*words, str(tmp_path / "local")])
        assert local.exit_code == 0, local.output
        swept = CliRunner().invoke(app, [*words, str(tmp_path / "ray"), "--on", address, "--jobs", "1"])
        assert swept.exit_code == 0, swept.output
        tables = [
            {
                file.relative_to(tmp_path / name): file.read_bytes()
                for file in (tmp_path / name).rglob("pred*.csv")
            }
            for name in ("local", "ray")
        ]
        assert len(tables[0]) == 2 and tables[0] == tables[1]

    def test_predict(self, address: str, toy_run: Path, toy: Any, tmp_path: Path) -> None:
        images = sorted(map(str, toy.data.rglob("*.png")))[:4]
        (tmp_path / "damaged.png").write_bytes(b"no image")
        words = ["predict", str(toy_run), *images, str(tmp_path / "damaged.png"), "--device", "cpu", "--out"]
        alone = CliRunner().invoke(app, [*words, str(tmp_path / "alone.csv")])
        assert alone.exit_code == 1, alone.output
        out = tmp_path / "out.csv"
        predicted = CliRunner().invoke(app, [*words, str(out), "--on", address, "--jobs", "1"])
        assert predicted.exit_code == 1, predicted.output
        assert "5 images in" in predicted.output and "damaged.png" in predicted.output
        assert out.read_bytes() == (tmp_path / "alone.csv").read_bytes()


@pytest.mark.parametrize("address", ["ray://", "ray://a b:1", "ray://host:port", "ray://host:70000"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UserError) as caught:
        require_answer(address)
    assert caught.value.code == "ray-address"


def test_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the environment has the address."""
    pytest.importorskip("ray")
    monkeypatch.setattr(ray_client, "_SECONDS_TO_ANSWER", 0.1)
    address = f"ray://127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    for given in (address, None):
        with pytest.raises(UserError) as caught, connected(given):
            pass
        assert (caught.value.code, caught.value.file) == ("ray-unreachable", address)


def test_the_reason_is_below_a_traceback() -> None:
    text = "Initialization failure:\nTraceback (most recent call last):\n  File x\nRuntimeError: why\n"
    assert ray_cluster._reason(ConnectionAbortedError(text)) == "RuntimeError: why"
    assert ray_cluster._reason(ValueError("what\nand more")) == "what"
    assert ray_cluster._reason(OSError()) == "OSError"
