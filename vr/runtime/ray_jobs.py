"""How many jobs a Ray cluster holds, by its CPUs and by the share of a GPU that each job gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrgen.core.errors import UserError

_SMALLEST_SHARE = 0.001
_ROUNDING = 1e-9  # 1 / 0.1 is no less than 10


def check_share(gpus_per_job: float | None) -> None:
    """Check a share of a GPU, as a person asks for it.

    Raises:
        UserError: it is neither 0, nor a share, nor a whole number.
    """
    if gpus_per_job is None or gpus_per_job == 0:
        return
    if not (_SMALLEST_SHARE <= gpus_per_job <= 1 or (gpus_per_job > 1 and float(gpus_per_job).is_integer())):
        raise UserError(
            f"--gpus-per-job {gpus_per_job:g} is no share of a GPU",
            code="ray-gpu-share",
            remedy="Give a share, such as 0.25, a whole number of GPUs, or 0 for none.",
        )


def gpu_share(ray: Any, asked: float | None) -> float:
    """GPUs per job: what is asked for, else one where the cluster has any."""
    if asked is not None:
        return asked
    return 1.0 if ray.cluster_resources().get("GPU") else 0.0


def jobs_to_start(ray: Any, asked: int | None, gpus_per_job: float, say: Callable[[str], None]) -> int:
    """How many jobs to start: what is asked for, else what the cluster holds now.

    Args:
        say: is told if more are asked for; the others wait, for a cluster may grow.

    Raises:
        UserError: it has no such GPU, or no CPU, and no number is asked for.
    """
    if asked is None:
        return most_jobs(ray, gpus_per_job)
    held = _held(ray, gpus_per_job)
    if held < asked:
        say(f"note: the cluster holds {held} of {asked} jobs now; the others wait until there is room")
    return asked


def most_jobs(ray: Any, gpus_per_job: float) -> int:
    """How many jobs the cluster holds at the same time: on each node one per CPU, as far as its GPUs suffice.

    Raises:
        UserError: it has no such GPU, or no CPU.
    """
    jobs = _held(ray, gpus_per_job)
    if jobs < 1:
        resources = ray.cluster_resources()
        raise UserError(
            f"the Ray cluster has {resources.get('CPU', 0):g} CPUs and {resources.get('GPU', 0):g} GPUs, too "
            "few for one job",
            code="ray-too-small",
            remedy="Add nodes, or lower --gpus-per-job.",
        )
    return jobs


def _held(ray: Any, gpus_per_job: float) -> int:
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return sum(_held_by(node.get("CPU", 0.0), node.get("GPU", 0.0), gpus_per_job) for node in nodes)


def _held_by(cpus: float, gpus: float, gpus_per_job: float) -> int:
    """Jobs that a node holds. A job's share is of one GPU: with 0.4, each GPU has room for two."""
    if not gpus_per_job:
        return int(cpus)
    if gpus_per_job > 1:
        return min(int(cpus), int(gpus // gpus_per_job))
    return min(int(cpus), int(gpus) * int(1 / gpus_per_job + _ROUNDING))
