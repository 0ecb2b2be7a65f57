"""The cost of a training step of BioMedVR, the plain path and the fast ones side by side in one run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import torch

from vr.clip.backbone import Backbone
from vr.methods.biomedvr import BioMedVR, BioMedVROptions
from vr.methods.common.base import Context
from vr.training.benchmark import meter
from vr.training.benchmark.bench_step import CLASSES, benchmark_card, paths_of, product_of, training

SHOTS, EPOCHS = 16, 400
_REPEAT = {"cuda": 10}  # steps a reading; a GPU's run ahead of the program, as in training


@dataclass(frozen=True)
class Row:
    """What was measured of one path.

    Attributes:
        path: which.
        ms: median time in milliseconds of a step: a batch through both programs, forward and backward.
        images_per_second: training images, each seen through both programs.
        speedup: over the plain fp32 path.
        peak_mb: most memory that a step holds at once, in 10**6 bytes, without weights.
        memory_share: of what the plain fp32 path holds.
        gflop: floating-point operations that a step does, counted, in 10**9.
        matmul_share: its operations a second over those of a large matrix product in the same run.
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
class Bench:
    """A row for each path, the reference first, and the conditions under which they hold."""

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


def bench(
    backbone: Backbone,
    *,
    batch_size: int = 64,
    steps: int = 5,
    frame: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Bench, meter.Step]:
    """Measure all paths that this backbone, its precision and its device have.

    Paths take turns, step by step, so that whatever else the machine does falls on all of them alike, and
    medians are told. The plain path in fp32 (on a GPU: without TF32) is what the others are compared with.

    Args:
        batch_size: training images a step.
        steps: readings of each path; on a GPU one is the mean of 10 steps.
        say: told what is going on.

    Returns:
        The table, and the step of its last path, for a profile.
    """
    device = backbone.device
    card = benchmark_card()
    plain_precision = replace(backbone, precision="fp32")
    method = BioMedVR(Context(plain_precision, card, None), BioMedVROptions(frame=frame))
    paths, notes = paths_of(backbone, method.encoder)
    step_of = training(method, batch_size)
    taken = {path.name: step_of(path) for path in paths}
    products = {path.arithmetic: product_of(path.arithmetic, device) for path in paths}
    operations: dict[str, int] = {}
    memory: dict[str, int] = {}
    for path in paths:
        say(f"{path.name}: counting operations and memory")
        counted = path if not path.compile else replace(path, compile=False)
        operations[path.name] = meter.flops(step_of(counted))
        taken[path.name]()  # compiles, where it does
        memory[path.name] = meter.peak_memory(taken[path.name], device)
    times: dict[str, list[float]] = {name: [] for name in (*taken, *products)}
    repeat = _REPEAT.get(device.type, 1)
    for number in range(steps):
        say(f"reading {number + 1} of {steps}")
        for name, step in taken.items():
            times[name].append(meter.seconds(step, device, repeat))
        for name, (product, _) in products.items():
            times[name].append(meter.seconds(product, device, repeat))
    peaks = {name: count / median(times[name]) for name, (_, count) in products.items()}
    reference = paths[0].name
    rows = tuple(
        Row(
            path=path.name,
            ms=1000 * (time := median(times[path.name])),
            images_per_second=batch_size / time,
            speedup=median(times[reference]) / time,
            peak_mb=memory[path.name] / 1e6,
            memory_share=memory[path.name] / max(1, memory[reference]),
            gflop=operations[path.name] / 1e9,
            matmul_share=operations[path.name] / time / peaks[path.arithmetic],
            run_seconds=EPOCHS * math.ceil(SHOTS * CLASSES / batch_size) * time,
        )
        for path in paths
    )
    found = Bench(
        backbone=f"{backbone.name}, {backbone.weights}" if backbone.weights else backbone.name,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        batch_size=batch_size,
        frame=method.encoder.frame,
        steps=steps,
        matmul_gflops={name: peak / 1e9 for name, peak in peaks.items()},
        notes=tuple(notes),
        rows=rows,
    )
    return found, taken[paths[-1].name]


def lines(found: Bench) -> list[str]:
    """The table, a column a path, for a terminal of 80 columns or a file."""
    names = [row.path.split(", ") for row in found.rows]
    heads = [
        [name[line] if line < len(name) else "" for name in names] for line in range(max(map(len, names)))
    ]
    figures: dict[str, Callable[[Row], str]] = {
        "ms a step": lambda row: f"{row.ms:,.1f}",
        "images/s": lambda row: f"{row.images_per_second:,.1f}",
        "times as fast": lambda row: f"{row.speedup:.2f}x",
        "peak memory, MB": lambda row: f"{row.peak_mb:,.0f}",
        "  of the plain path's": lambda row: f"{row.memory_share:.0%}",
        "GFLOP a step": lambda row: f"{row.gflop:,.1f}",
        "share of matmul's": lambda row: f"{row.matmul_share:.0%}",
        "a run, s": lambda row: f"{row.run_seconds:,.0f}",
    }
    rows = [["", *head] for head in heads]
    rows += [[label, *map(figure, found.rows)] for label, figure in figures.items()]
    peaks = ", ".join(f"{name} {value:,.0f} GFLOP/s" for name, value in found.matmul_gflops.items())
    return [
        f"{found.backbone}, batch {found.batch_size}, frame {found.frame}",
        f"{found.device}, {found.threads} CPU threads, torch {found.torch}",
        "",
        *(f"{label:<22}{''.join(f'{cell:>11}' for cell in cells)}" for label, *cells in rows),
        "",
        f"Medians of {found.steps} interleaved readings.",
        f"matmul: a large matrix product in this run, {peaks}.",
        f"A run: {SHOTS} shots, {CLASSES} classes, {EPOCHS} epochs, without augmentation's own time.",
        *found.notes,
    ]


def _processor() -> str:
    """The CPU's name."""
    import platform
    from pathlib import Path as File

    try:
        lines = File("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
