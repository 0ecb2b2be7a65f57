"""Work shared by processes comes back whole and in order."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vr.distributed import Processes, processes

CPU = torch.device("cpu")
LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
SCRIPT = """
import json, sys
from pathlib import Path
import torch
from vr.distributed import processes

with processes(torch.device("cpu")) as group:
    found = {}
    for count in (7, 4, 1):
        items = list(range(count))
        rows = torch.tensor([[10.0 * item, group.rank] for item in group.share(items)])
        found[count] = group.gather(rows, count).tolist()
    Path(sys.argv[1], f"{group.rank}.json").write_text(json.dumps([group.size, found]))
"""


@pytest.mark.parametrize("count", [0, 1, 2, 5, 6])
def test_shares_cover_every_item_once(count: int) -> None:
    items = list(range(count))
    shares = [Processes(rank, 3, CPU).share(items) for rank in range(3)]
    own = [item for rank, share in enumerate(shares) if rank < count for item in share]
    assert sorted(own) == items
    assert all(share == items[-1:] for share in shares[count:])
    assert max(map(len, shares)) == -(-count // 3)


def test_one_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with processes(CPU) as group:
        assert group == Processes(0, 1, CPU)
        rows = torch.rand(3, 2)
        assert group.share([1, 2, 3]) == [1, 2, 3]
        assert group.gather(rows, 3) is rows
    assert not torch.distributed.is_initialized()


def test_two_processes_of_torchrun_gather_rows_in_order(tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    command += ["--master-addr=127.0.0.1", f"--master-port={port}", str(script), str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **LOOPBACK}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for rank in range(2):
        size, found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert size == 2
        for count, rows in found.items():
            assert rows == [[10.0 * item, item % 2] for item in range(int(count))]
