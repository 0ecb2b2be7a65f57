"""A Ray cluster: connecting to it, and whether its nodes see the same files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from attrgen.core.errors import UserError
from attrgen.core.extras import needed
from attrgen.core.files import write_text
from attrgen.core.version import program_version
from vr.runtime.ray_client import SCHEME, require_answer

_WRONG_ADDRESS = (
    "Check the address: on a node of the cluster set RAY_ADDRESS=HOST:6379 and use --on ray; from outside, "
    "use --on ray://HOST:10001."
)
_CLIENT_SERVER_FAILS = (
    "Use the versions of Ray and Python that the cluster has. If its client server could not start, run the "
    "same command again; it always starts where the head was started with `GRPC_ENABLE_FORK_SUPPORT=0 ray "
    "start --head`. On a node of the cluster, --on ray does without it."
)


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
        UserError: ray is not installed, the address is none, or the cluster cannot be reached.
    """
    ray = require_ray()
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # jobs without a GPU keep what is set
    named = address or os.environ.get("RAY_ADDRESS") or ""
    if named.startswith(SCHEME):
        require_answer(named)
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level="warning")
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise UserError(
            f"the Ray cluster cannot be reached: {_reason(error)}",
            code="ray-unreachable",
            file=named or None,
            remedy=_CLIENT_SERVER_FAILS if named.startswith(SCHEME) else _WRONG_ADDRESS,
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _reason(error: Exception) -> str:
    """The line of an error that says what happened: below a traceback, the last one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    is_traceback = any(line.startswith("Traceback (") for line in lines)
    return lines[-1 if is_traceback else 0] if lines else type(error).__name__


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
    if (version, python) != (program_version(), _python()):
        raise UserError(
            f"the node {name} has version {version} on Python {python}; "
            f"here it is {program_version()} on Python {_python()}",
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
    return program_version(), _python(), None if missing is None else str(Path(missing).parent)


def _python() -> str:
    return ".".join(map(str, sys.version_info[:2]))
