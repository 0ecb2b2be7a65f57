"""What a user waits for, as multiples of references measured in the same run, beside the last release's.

    python tests/benchmarks/watch.py [--json FILE] [--write-reference]

References: the start of the interpreter, `import torch`, `import open_clip`, a matrix product, and libjpeg's
own decode. Times are processor time (user and system), so that other work on the machine matters little.
A multiple that is much higher than the last release's, in `reference.json`, is a step back.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

REFERENCE = Path(__file__).with_name("reference.json")
WORSE = 1.25  # times the last release's multiple
SECOND = 1000.0


class Figure(NamedTuple):
    """A time in milliseconds of the processor, and what it is a multiple of."""

    name: str
    milliseconds: float
    over: str


def main() -> None:
    """Measure, print and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write-reference", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = references(Path(folder))
        figures = [*commands(Path(folder)), *inside(Path(folder))]
    multiples = {figure.name: round(figure.milliseconds / times[figure.over], 3) for figure in figures}
    before = json.loads(REFERENCE.read_text("utf-8")) if REFERENCE.is_file() else {}
    print(f"{'':<34}{'ms':>9}  {'multiple of':<20}{'now':>9}{'last':>9}")
    for name, value in times.items():
        print(f"{name:<34}{value:>9.2f}")
    for figure in figures:
        last = before.get(figure.name)
        note = "  slower" if last and multiples[figure.name] > WORSE * last else ""
        row = f"{figure.name:<34}{figure.milliseconds:>9.1f}  {figure.over:<20}{multiples[figure.name]:>9.2f}"
        print(f"{row}{last if last is not None else '-':>9}{note}")
    if args.json:
        args.json.write_text(json.dumps({"ms": times, "multiples": multiples}, indent=2) + "\n", "utf-8")
    if args.write_reference:
        REFERENCE.write_text(json.dumps(multiples, indent=2) + "\n", "utf-8")


def references(folder: Path) -> dict[str, float]:
    """Milliseconds of each reference."""
    import numpy as np
    from PIL import Image

    times = {
        "interpreter": python(folder, "pass", repeat=5),
        "import torch": python(folder, "import torch", repeat=2),
        "import open_clip": python(folder, "import open_clip", repeat=2),
    }
    left = np.random.default_rng(0).normal(size=(768, 768)).astype(np.float32)
    times["product 768"] = timed(lambda: left @ left, 20)
    content = io.BytesIO()
    Image.fromarray(photograph(0)).save(content, "JPEG")
    times["JPEG decode"] = timed(lambda: Image.open(io.BytesIO(content.getvalue())).load(), 50)
    return times


def commands(folder: Path) -> list[Figure]:
    """Whole commands, each in a process of its own."""
    draw_images(folder / "images")
    mini = "--backbone mini --device cpu"
    run = f"train --dataset images --method linear-probe {mini} --shots 4 --out {folder}/run"
    attributes = f"train --dataset kidney-phantom {mini} --epochs 1 --fresh --out phantom"
    command(folder, "data check kidney-phantom")  # draws the images
    command(folder, attributes)  # and encodes the texts
    return [
        Figure("vr --help", command(folder, "--help", repeat=3), "interpreter"),
        Figure("first error", command(folder, "train --dataset kidny", repeat=3, status=2), "interpreter"),
        Figure("run on 200 images", command(folder, run), "import open_clip"),
        Figure("run of one epoch, kidney-phantom", command(folder, attributes), "import open_clip"),
        Figure("report", command(folder, "report phantom --device cpu"), "import open_clip"),
    ]


def inside(folder: Path) -> list[Figure]:
    """A training step, a cell of a sweep and a prediction, without the start of a process."""
    import torch

    import vr
    from vr.clip.backbone import load
    from vr.data.loading.kept import keeping
    from vr.methods.biomedvr import BioMedVR
    from vr.methods.common.base import Context
    from vr.runs import grid
    from vr.training.benchmark.paths import Path as ComputePath
    from vr.training.benchmark.paths import benchmark_card, training
    from vr.training.sweep import inspect_all, worker

    torch.set_num_threads(1)
    method = BioMedVR(Context(load("mini"), benchmark_card(), None))
    step = training(method, 16)(ComputePath("fast", method.encoder, "fp32"))
    model = vr.load(folder / "run", device="cpu")
    images = sorted((folder / "images").rglob("*.jpg"))[:100]
    os.chdir(folder)
    asked = {"datasets": ["kidney-phantom"], "methods": ["zero-shot"], "shots": [4], "seeds": [1, 2, 3, 4]}
    common = {"backbone": "mini", "device": "cpu", "runs": "cells"}
    cells = inspect_all(grid.build({}, {**asked, "common": common}).cells())
    with keeping():  # as a sweep does
        worker.run_cell(cells[0])
        remaining = iter(cells[1:])
        cell = timed(lambda: worker.run_cell(next(remaining)), 3, warm=False)
    prediction = timed(lambda: model.predict(images), 1) / len(images)
    return [
        Figure("training step, 16 images", timed(step, 3), "product 768"),
        Figure("cell of a sweep", cell, "import torch"),
        Figure("prediction of an image", prediction, "JPEG decode"),
    ]


def timed(work: Callable[[], object], count: int, *, warm: bool = True) -> float:
    """Milliseconds of the processor for one call, in the mean."""
    if warm:
        work()
    began = time.process_time()
    for _ in range(count):
        work()
    return SECOND * (time.process_time() - began) / count


def command(folder: Path, words: str, *, repeat: int = 1, status: int = 0) -> float:
    """Milliseconds of a `vr` command: the best of `repeat`."""
    code = f"import sys; sys.argv = ['vr', *{words.split()!r}]; from vr.cli.program import program; program()"
    return python(folder, code, repeat=repeat, status=status)


def python(folder: Path, code: str, *, repeat: int = 1, status: int = 0) -> float:
    """Milliseconds of the processor that a program takes: the best of `repeat`."""
    environment = {**os.environ, "VR_DATA": str(folder / "datasets"), "VR_CACHE": str(folder / "cache")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    best = float("inf")
    for _ in range(repeat):
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=folder, env=environment, stdout=quiet, stderr=quiet
        )
        _, ended, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(ended) != status:
            raise SystemExit(f"exit status {os.waitstatus_to_exitcode(ended)}, not {status}: {code}")
        best = min(best, SECOND * (usage.ru_utime + usage.ru_stime))
    return best


def photograph(seed: int, side: int = 256):  # type: ignore[no-untyped-def]
    """Smooth noise, (side, side, 3) uint8, that JPEG compresses as it does a photograph."""
    import numpy as np
    from PIL import Image

    coarse = np.random.default_rng(seed).integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def draw_images(folder: Path) -> None:
    """200 JPEG images of two classes."""
    from PIL import Image

    for number in range(200):
        path = folder / ("one", "two")[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photograph(number)).save(path)


if __name__ == "__main__":
    main()
