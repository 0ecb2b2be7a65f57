"""The cost of a training step of BioMedVR: the plain path and the fast ones, measured in one run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import Any

import torch

from vr.clip.backbone import Backbone
from vr.methods.biomedvr import BioMedVR, BioMedVROptions
from vr.methods.common.base import Context
from vr.training.benchmark import instruments
from vr.training.benchmark.instruments import Step
from vr.training.benchmark.paths import CLASSES, Path, benchmark_card, paths_of, product_of, training

SHOTS, EPOCHS = 16, 400
_REPEAT = {"cuda": 10}  # steps per reading; a GPU runs behind the program, as in training
Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """The measurements of one path.

    Attributes:
        path: its name.
        ms: median time in milliseconds of a step: a batch through both programs, forward and backward.
        images_per_second: training images, each through both programs.
        speedup: over the plain fp32 path.
        peak_mb: most memory that a step holds at once, in 10**6 bytes, without weights.
        memory_share: of the memory of the plain fp32 path.
        gflop: counted floating-point operations of a step, in 10**9.
        matmul_share: its operations per second over those of a large matrix product in the same run.
        run_seconds: 16 shots of 4 classes for 400 epochs at this speed, without augmentation.
    """

    path: str
    ms: float
    images_per_second: float
    speedup: float
    peak_mb: float
    memory_share: float
    gflop: float
    matmul_share: float
    run_seconds: float


@dataclass(frozen=True)
class Measurement:
    """A row per path, the reference first, and the conditions of the measurement."""

    backbone: str
    device: str
    threads: int
    torch: str
    batch_size: int
    frame: int
    steps: int
    matmul_gflops: dict[str, float]
    notes: tuple[str, ...]
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


@dataclass
class _Readings:
    """Raw values by name of a path or of a matrix product: operations, bytes, seconds of each reading."""

    operations: dict[str, int] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)


def measure(
    backbone: Backbone,
    *,
    batch_size: int = 64,
    steps: int = 5,
    frame: int | None = None,
    say: Say = lambda line: None,
) -> tuple[Measurement, Step]:
    """Measure all paths that this backbone, its precision and its device have.

    Paths take turns, step by step, so that other load on the machine affects all of them alike; the result is
    a median. The reference is the plain path in fp32 (on a GPU: without TF32).

    Args:
        batch_size: training images per step.
        steps: readings of each path; on a GPU one is the mean of 10 steps.
        say: receives a line about the progress.

    Returns:
        The table, and the step of its last path, for a profile.
    """
    exact = replace(backbone, precision="fp32")
    method = BioMedVR(Context(exact, benchmark_card(), None), BioMedVROptions(frame=frame))
    paths, notes = paths_of(backbone, method.encoder)
    step_of = training(method, batch_size)
    taken = {path.name: step_of(path) for path in paths}
    products = {path.arithmetic: product_of(path.arithmetic, backbone.device) for path in paths}
    readings = _Readings()
    _count(readings, paths, taken, step_of, backbone.device, say)
    _time(readings, taken | {name: step for name, (step, _) in products.items()}, steps, backbone.device, say)
    peaks = {name: count / median(readings.times[name]) for name, (_, count) in products.items()}
    measurement = Measurement(
        backbone=f"{backbone.name}, {backbone.weights}" if backbone.weights else backbone.name,
        device=_device_name(backbone.device),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        batch_size=batch_size,
        frame=method.encoder.frame,
        steps=steps,
        matmul_gflops={name: peak / 1e9 for name, peak in peaks.items()},
        notes=tuple(notes),
        rows=_rows(readings, paths, peaks, batch_size),
    )
    return measurement, taken[paths[-1].name]


def _count(
    readings: _Readings,
    paths: list[Path],
    taken: dict[str, Step],
    step_of: Callable[[Path], Step],
    device: torch.device,
    say: Say,
) -> None:
    """Operations, of the uncompiled step, and memory."""
    for path in paths:
        say(f"{path.name}: counting operations and memory")
        counted = path if not path.compile else replace(path, compile=False)
        readings.operations[path.name] = instruments.flops(step_of(counted))
        taken[path.name]()  # compiles, where the path does
        readings.memory[path.name] = instruments.peak_memory(taken[path.name], device)


def _time(readings: _Readings, taken: dict[str, Step], steps: int, device: torch.device, say: Say) -> None:
    """Seconds of every step in turn, `steps` times."""
    repeat = _REPEAT.get(device.type, 1)
    readings.times = {name: [] for name in taken}
    for number in range(steps):
        say(f"reading {number + 1} of {steps}")
        for name, step in taken.items():
            readings.times[name].append(instruments.seconds(step, device, repeat))


def _rows(
    readings: _Readings, paths: list[Path], peaks: dict[str, float], batch_size: int
) -> tuple[Row, ...]:
    """The figures of every path; `peaks` are operations per second of matrix products by arithmetic."""
    times = {path.name: median(readings.times[path.name]) for path in paths}
    reference = paths[0].name
    return tuple(
        Row(
            path=path.name,
            ms=1000 * times[path.name],
            images_per_second=batch_size / times[path.name],
            speedup=times[reference] / times[path.name],
            peak_mb=readings.memory[path.name] / 1e6,
            memory_share=readings.memory[path.name] / max(1, readings.memory[reference]),
            gflop=readings.operations[path.name] / 1e9,
            matmul_share=readings.operations[path.name] / times[path.name] / peaks[path.arithmetic],
            run_seconds=EPOCHS * math.ceil(SHOTS * CLASSES / batch_size) * times[path.name],
        )
        for path in paths
    )


def _device_name(device: torch.device) -> str:
    """The name of the GPU or the processor."""
    import platform
    from pathlib import Path as File

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = File("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
