"""A Ray cluster: connecting to it, what it can hold, and whether its nodes see the same files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import uuid4

from attrgen.core.errors import UserError
from attrgen.core.extras import needed
from attrgen.core.files import write_text

_PASSED_ON = ("VR_", "HF_")  # first letters of variables that workers get
_ALSO = ("OMP_NUM_THREADS",)


@dataclass(frozen=True)
class Surroundings:
    """What a worker takes over from the command that started it: its working folder and variables."""

    folder: str
    variables: Mapping[str, str]

    @classmethod
    def here(cls) -> Surroundings:
        """Those of this process."""
        variables = {
            key: value for key, value in os.environ.items() if key.startswith(_PASSED_ON) or key in _ALSO
        }
        return cls(str(Path.cwd()), variables)

    def enter(self) -> None:
        """Take them over in this process."""
        os.environ.update(self.variables)
        os.chdir(self.folder)


def require_ray() -> Any:
    """The package ray.

    Raises:
        UserError: it is not installed.
    """
    with needed(
        "--on ray needs the package ray",
        code="ray-not-installed",
        remedy="pip install 'biomedvr[ray]'; --on local needs nothing.",
    ):
        import ray
    return ray


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Ray, connected while the block runs.

    Args:
        address: `ray://HOST:PORT` of a cluster's client server; None for what `RAY_ADDRESS` names, a cluster
            on this machine, or else one that is started here.

    Raises:
        UserError: ray is not installed, or the cluster cannot be reached.
    """
    ray = require_ray()
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # jobs without a GPU keep what is set
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level="warning")
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise UserError(
            f"the Ray cluster cannot be reached: {str(error).strip().splitlines()[0]}",
            code="ray-unreachable",
            file=address or os.environ.get("RAY_ADDRESS"),
            remedy="Check the address: ray://HOST:10001 from outside of the cluster; on one of its nodes "
            "set RAY_ADDRESS=HOST:6379 and use --on ray.",
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def most_jobs(ray: Any, gpus_per_job: float) -> int:
    """How many jobs the cluster holds at the same time: one per CPU, as far as its GPUs suffice.

    Raises:
        UserError: it has no such GPU, or no CPU.
    """
    resources = ray.cluster_resources()
    gpus, cpus = resources.get("GPU", 0.0), int(resources.get("CPU", 0))
    jobs = cpus if not gpus_per_job else min(cpus, int(gpus / gpus_per_job))
    if jobs < 1:
        raise UserError(
            f"the Ray cluster has {cpus} CPUs and {gpus:g} GPUs, too few for one job",
            code="ray-too-small",
            remedy="Add nodes, or lower --gpus-per-job.",
        )
    return jobs


def default_gpus(ray: Any) -> float:
    """GPUs per job if the user does not say: one where the cluster has any."""
    return 1.0 if ray.cluster_resources().get("GPU") else 0.0


def check_nodes(ray: Any, folder: Path) -> None:
    """Check that every node has this program, and sees this working folder and `folder`.

    Raises:
        UserError: one does not; the message names the node.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    token = folder.absolute() / f".shared-{uuid4().hex}"
    write_text(token, "")
    try:
        task = ray.remote(num_cpus=0, max_retries=0)(_look_around)
        answers = {
            node["NodeManagerAddress"]: task.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(str(Path.cwd()), str(token))
            for node in ray.nodes()
            if node["Alive"]
        }
        for name, answer in answers.items():
            try:
                version, python, missing = ray.get(answer, timeout=120)
            except (ray.exceptions.TaskUnschedulableError, ray.exceptions.NodeDiedError):
                continue  # it has left the cluster in the meantime
            except ray.exceptions.RayError as error:
                raise UserError(
                    f"the node {name} cannot run the program: {str(error).strip().splitlines()[-1]}",
                    code="ray-node-unusable",
                    remedy="Install biomedvr[ray] there, in the same version as here.",
                ) from error
            _check_answer(name, version, python, missing, folder)
    finally:
        token.unlink(missing_ok=True)


def _check_answer(name: str, version: str, python: str, missing: str | None, folder: Path) -> None:
    if (version, python) != (_version(), _python()):
        raise UserError(
            f"the node {name} has version {version} on Python {python}; "
            f"here it is {_version()} on Python {_python()}",
            code="ray-other-version",
            remedy="Install the same versions on all nodes.",
        )
    if missing is not None:
        raise UserError(
            f"the node {name} does not see the folder",
            code="ray-folder-not-shared",
            file=missing,
            remedy="Nodes write the results: start the command in a folder that all of them share (such as "
            f"NFS), and let {folder} be in one.",
        )


def _look_around(folder: str, token: str) -> tuple[str, str, str | None]:
    """On a node: versions, and the first of the two paths that does not exist there."""
    missing = next((path for path in (folder, token) if not Path(path).exists()), None)
    return _version(), _python(), None if missing is None else str(Path(missing).parent)


def _version() -> str:
    return metadata.version("biomedvr")


def _python() -> str:
    return ".".join(map(str, sys.version_info[:2]))
