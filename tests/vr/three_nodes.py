"""A Ray cluster of three nodes on this machine, of which nodes and workers can be killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

STORE_BYTES = 80 * 2**20  # of each node's object store: the smallest that Ray allows is 75 MB


class ThreeNodes:
    """A cluster of a head and two other nodes, with one CPU each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        options = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=options)
        del options["include_dashboard"]
        self._nodes = [self._cluster.add_node(**options) for _ in range(2)]
        self.address = str(self._cluster.address)

    def kill_node(self) -> None:
        self._cluster.remove_node(self._nodes.pop(), allow_graceful=False)

    def kill_worker(self, name: bytes) -> None:
        """Kill a process of this cluster that runs an actor of that name."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for worker in self._workers(name):
                os.kill(worker, signal.SIGKILL)
                return
            time.sleep(0.05)
        pytest.fail("no worker runs")

    def _workers(self, name: bytes) -> Iterator[int]:
        nodes = [self._cluster.head_node, *self._nodes]
        raylets = {node.all_processes["raylet"][0].process.pid for node in nodes}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes()
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended
                continue
            if parent in raylets and command.startswith(b"ray::" + name):
                yield int(folder.name)

    def stop(self) -> None:
        import ray

        ray.shutdown()
        self._cluster.shutdown()


def started() -> ThreeNodes:
    """A cluster; a node that a busy machine starts too slowly gets a second time."""
    try:
        return ThreeNodes()
    except Exception:  # Ray raises nothing more specific
        return ThreeNodes()
