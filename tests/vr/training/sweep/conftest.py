"""Cells that take a second or less, and what they computed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from vr.runs import grid
from vr.training import sweep


def small_cells(toy: Any, folder: Path, seeds: int, **common: Any) -> list[sweep.Cell]:
    """Two cells per seed: one that trains two epochs, one that fits in closed form."""
    asked = grid.build(
        {
            "datasets": [{"dataset": str(toy.card), "data": str(toy.data), "attrs": str(toy.attrs)}],
            "methods": ["zero-shot", "attrvr"],
            "shots": [2],
            "seeds": list(range(1, seeds + 1)),
            "common": {
                "backbone": str(toy.backbone),
                "weights": "random",
                "device": "cpu",
                "runs": str(folder),
                "recipe": {"epochs": 2, "batch_size": 8, "lr": 5.0},
                **common,
            },
        },
        {},
    )
    return [sweep.inspect(cell) for cell in asked.cells()]


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of what each cell below a folder computed, by its path there."""
    names = ("model.safetensors", "metrics.json", "predictions.csv")
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.name in names
    }
