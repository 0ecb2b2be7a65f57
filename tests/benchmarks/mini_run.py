"""How long a whole run of BioMedVR on `mini` takes, and which share of it the training step has.

    python tests/benchmarks/mini_run.py [--epochs 100]

16 shots, 4 classes (kidney-phantom, drawn beforehand). The step is forward, backward and the optimiser; the
rest is reading images, augmentation, text, evaluation, and writing the run. The start of Python is left out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Clock:
    """Adds up the seconds spent in the functions that it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    args = parser.parse_args()
    import torch

    from vr.data.sources import open_dataset
    from vr.methods.biomedvr import BioMedVR
    from vr.runs.experiment import Experiment
    from vr.training import trainer
    from vr.training.train import run_experiment

    step, epochs = Clock(), Clock()
    BioMedVR.step = step.around(BioMedVR.step)  # type: ignore[method-assign]
    torch.Tensor.backward = step.around(torch.Tensor.backward)  # type: ignore[assignment,method-assign]
    torch.optim.SGD.step = step.around(torch.optim.SGD.step)  # type: ignore[method-assign]
    trainer.train_epoch = epochs.around(trainer.train_epoch)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VR_CACHE"] = f"{folder}/cache"
        os.environ["VR_DATA"] = f"{folder}/datasets"
        open_dataset("kidney-phantom", None)
        began = time.perf_counter()
        asked = Experiment(
            dataset="kidney-phantom", backbone="mini", device="cpu", recipe={"epochs": args.epochs},
            out=Path(folder) / "run",
        )  # fmt: skip
        run_experiment(asked)
        whole = time.perf_counter() - began
    share = step.seconds / epochs.seconds
    print(f"{args.epochs} epochs on {torch.get_num_threads()} threads: {whole:.1f} s for the whole run")
    print(f"training: {epochs.seconds:.1f} s, of it in the step {step.seconds:.1f} s ({share:.0%})")


if __name__ == "__main__":
    main()
