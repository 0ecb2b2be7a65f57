"""Work shared by processes comes back whole and in order."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.runs import run as runs
from vr.runtime.distributed import Processes, processes

CPU = torch.device("cpu")
LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
HOW: dict[str, Any] = {
    "env": {**os.environ, "OMP_NUM_THREADS": "1", **LOOPBACK},
    "cwd": Path(__file__).parents[3],
    "capture_output": True,
    "text": True,
    "timeout": 300,
}
SCRIPT = """
import json, sys
from pathlib import Path
import torch
from vr.runtime.distributed import processes

with processes(torch.device("cpu")) as group:
    gathered = {}
    for count in (7, 4, 1):
        items = list(range(count))
        shared = group.share(items, 2)
        rows = torch.tensor([[10.0 * item, group.rank] for item in shared]).reshape(-1, 2)
        gathered[count] = group.gather(rows, count, 2).tolist()
    least = group.least(5 - group.rank)
    Path(sys.argv[1], f"{group.rank}.json").write_text(json.dumps([group.size, group.leads, least, gathered]))
"""


def torchrun() -> list[str]:
    """torchrun with two processes, on a port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    return [*command, "--master-addr=127.0.0.1", f"--master-port={port}"]


@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 20])
def test_shares_are_whole_batches_and_cover_every_item_once(count: int) -> None:
    items = list(range(count))
    batches = [items[start : start + 2] for start in range(0, count, 2)]
    shares = [Processes(rank, 3, CPU).share(items, 2) for rank in range(3)]
    assert sorted(item for share in shares for item in share) == items
    for share in shares:
        assert all(share[start : start + 2] in batches for start in range(0, len(share), 2))
    assert max(map(len, shares)) - min(map(len, shares)) <= 2


def test_one_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with processes(CPU) as group:
        assert group == Processes(0, 1, CPU)
        rows = torch.rand(3, 2)
        assert group.share([1, 2, 3], 2) == [1, 2, 3]
        assert group.gather(rows, 3, 2) is rows
        assert group.least(5) == 5 and group.leads
    assert not torch.distributed.is_initialized()


def test_two_processes_of_torchrun_gather_rows_in_order(tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text(SCRIPT)
    done = subprocess.run([*torchrun(), str(script), str(tmp_path)], **HOW)
    assert done.returncode == 0, done.stderr
    for rank in range(2):
        size, leads, least, gathered = json.loads((tmp_path / f"{rank}.json").read_text())
        assert (size, leads, least) == (2, rank == 0, 4)
        for count, rows in gathered.items():
            assert rows == [[10.0 * item, item // 2 % 2] for item in range(int(count))]


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WORLD_SIZE": "3", "RANK": "2", "LOCAL_RANK": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError) as caught, processes(torch.device("cuda")):
        pass
    assert caught.value.code == "device-too-few-gpus"


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As torchrun has it: how many threads add up a sum can show in its last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def more_images(toy: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 test images of the toy classes: two whole batches and a part of one."""
    root = tmp_path_factory.mktemp("more") / "Toy"
    for number, folder in enumerate(sorted((toy.data / "test").iterdir())):
        folder_path = root / "test" / folder.name
        folder_path.mkdir(parents=True)
        for image in range(50):
            rng = np.random.default_rng([number, image])
            pixels = 40 + 70 * number + rng.integers(0, 60, (44, 44, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(folder_path / f"{image:02d}.png", compress_level=1)
    return root


def test_an_evaluation_shared_by_two_processes_is_the_same_to_the_byte(
    toy_run: Path, more_images: Path, tmp_path: Path, one_thread: None
) -> None:
    words = ["eval", str(toy_run), "--data", str(more_images), "--device", "cpu", "--out"]
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    one = CliRunner().invoke(app, [*words, str(alone)], catch_exceptions=False)
    two = subprocess.run([*torchrun(), "-m", "vr", *words, str(shared)], **HOW)
    assert two.returncode == 0, two.stderr
    for name in (runs.PREDICTIONS, runs.METRICS):
        assert (alone / name).read_bytes() == (shared / name).read_bytes(), name
    assert len((alone / runs.PREDICTIONS).read_text().splitlines()) == 151
    assert one.stdout.replace(str(alone), str(shared)) == two.stdout  # one of them prints
