"""Where the time of a sweep's cell goes: seconds of each stage, for cells one after another in one process.

The process is what a worker of a sweep is: it keeps its backbone, collection, images and texts. The first
cell pays for those, so it counts apart. Stages exclude each other, and a GPU has done its work when a stage
ends.
"""

from __future__ import annotations

import functools
import inspect
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

FIRST, REST, WHOLE = "first cell", "files and rest", "whole"


class Stages:
    """Seconds by stage; within an inner stage, the outer one does not count.

    Args:
        synchronise: waits until the device has done all its work.
    """

    def __init__(self, synchronise: Callable[[], None]) -> None:
        self.seconds: Counter[str] = Counter()
        self._synchronise = synchronise
        self._open: list[str] = []
        self._since = time.perf_counter()

    def around(self, owner: Any, name: str, stage: str) -> None:
        """Count the time in a function, a method or a class method of `owner` as that of a stage."""
        function = getattr(owner, name)

        @functools.wraps(function)
        def timed(*args: Any, **options: Any) -> Any:
            self._change(lambda: self._open.append(stage))
            try:
                return function(*args, **options)
            finally:
                self._change(self._open.pop)

        setattr(
            owner,
            name,
            staticmethod(timed) if isinstance(owner, type) and inspect.ismethod(function) else timed,
        )

    def clear(self) -> None:
        """Start again."""
        self._change(self.seconds.clear)

    def _change(self, change: Callable[[], Any]) -> None:
        self._synchronise()
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        change()
        self._since = now


def watched(synchronise: Callable[[], None]) -> Stages:
    """The stages of `run_cell` and `report_cell`."""
    from vr.clip import text_embeddings
    from vr.data.loading.training_images import TrainingImages
    from vr.evaluation import evaluation
    from vr.training import execution, sample, train, trainer
    from vr.training.sweep import worker

    stages = Stages(synchronise)
    stages.around(train, "_checked", "settings, collection, attributes")
    stages.around(sample, "experiment_images", "sample, folds")
    stages.around(execution, "_prepare", "method, encoder")
    stages.around(text_embeddings, "embed", "texts")
    stages.around(TrainingImages, "load", "training images")
    stages.around(trainer, "train_epoch", "epochs")
    stages.around(trainer.Trainer, "train", "fits, checkpoints")
    stages.around(execution, "evaluate_run", "metrics, predictions")
    stages.around(evaluation, "evaluate", "test images, scores")
    stages.around(os, "fsync", "fsync of files")
    stages.around(worker, "report_cell", "report")
    stages.around(worker, "run_cell", REST)
    return stages


def seconds_by_stage(
    *, backbone: str, device: str, epochs: int, runs: Path, threads: int, cells: int = 2
) -> dict[str, float]:
    """Mean seconds of a cell by stage: BioMedVR with its visual expert on kidney-phantom."""
    import torch

    from vr.runs.experiment import Experiment
    from vr.runtime.device import resolve_device
    from vr.training.sweep import inspect_all, worker

    chosen = resolve_device(device)
    stages = watched(lambda: torch.cuda.synchronize(chosen) if chosen.type == "cuda" else None)
    worker.set_up(threads=threads, gpu=0)
    asked = Experiment(
        dataset="kidney-phantom", backbone=backbone, device=str(chosen), runs=runs, recipe={"epochs": epochs},
        options={"visual": "probe"},
    )  # fmt: skip
    first, *others = inspect_all([asked.model_copy(update={"seed": seed}) for seed in range(1, cells + 2)])
    before = whole([first])
    stages.clear()
    seconds = whole(others) / cells
    means = {stage: value / cells for stage, value in stages.seconds.items()}
    return {FIRST: before, **means, WHOLE: seconds}


def whole(cells: list[Any]) -> float:
    """Seconds of cells with their reports."""
    from vr.training.sweep import worker

    began = time.perf_counter()
    for cell in cells:
        outcome = worker.run_cell(cell, report=False)
        if outcome.error:
            raise SystemExit(outcome.error)
        worker.report_cell(cell)
    return time.perf_counter() - began
