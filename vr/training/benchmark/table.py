"""The measurement of a training step as a table of text."""

from __future__ import annotations

from collections.abc import Callable

from vr.training.benchmark.measurement import EPOCHS, SHOTS, Measurement, Row
from vr.training.benchmark.paths import CLASSES

_FIGURES: dict[str, Callable[[Row], str]] = {
    "ms per step": lambda row: f"{row.ms:,.1f}",
    "images/s": lambda row: f"{row.images_per_second:,.1f}",
    "times as fast": lambda row: f"{row.speedup:.2f}x",
    "peak memory, MB": lambda row: f"{row.peak_mb:,.0f}",
    "  of the plain path's": lambda row: f"{row.memory_share:.0%}",
    "GFLOP per step": lambda row: f"{row.gflop:,.1f}",
    "share of matmul's": lambda row: f"{row.matmul_share:.0%}",
    "seconds per run": lambda row: f"{row.run_seconds:,.0f}",
}


def lines(measurement: Measurement) -> list[str]:
    """The table, a column per path, for a terminal of 80 columns or a file."""
    names = [row.path.split(", ") for row in measurement.rows]
    heads = [
        [name[line] if line < len(name) else "" for name in names] for line in range(max(map(len, names)))
    ]
    rows = [["", *head] for head in heads]
    rows += [[label, *map(figure, measurement.rows)] for label, figure in _FIGURES.items()]
    peaks = ", ".join(f"{name} {value:,.0f} GFLOP/s" for name, value in measurement.matmul_gflops.items())
    return [
        f"{measurement.backbone}, batch {measurement.batch_size}, frame {measurement.frame}",
        f"{measurement.device}, {measurement.threads} CPU threads, torch {measurement.torch}",
        "",
        *(f"{label:<22}{''.join(f'{cell:>11}' for cell in cells)}" for label, *cells in rows),
        "",
        f"Medians of {measurement.steps} interleaved readings.",
        f"matmul: a large matrix product in this run, {peaks}.",
        f"A run: {SHOTS} shots, {CLASSES} classes, {EPOCHS} epochs, without the time of augmentation.",
        *measurement.notes,
    ]
