"""A GPU in about 100 seconds: the training step, a whole run from command to result, and a sweep.

    python tests/benchmarks/gpu.py [--parts step,run,sweep,compile,predict] [--device cuda] [--json FILE]

The step is BioMedVR's with ViT-B/16 (random weights) at batch 64 in bf16; `compile`, which takes another 100
seconds, measures it compiled, without and with a cache. The run has 400 epochs on kidney-phantom, 16 shots.
The sweep has 198 cells of `mini`: 11 methods, 3 numbers of shots and 6 seeds, with few epochs, so that what
is measured is everything around the steps. `predict`, about a minute more, measures the stages of a
prediction, and compares 2,000 images (1,500 JPEG, 20 damaged) that are decoded on the CPU and on the GPU.
A part that takes longer than its limit is stopped, and the table says so; of a sweep the cells that are done
then count.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BACKBONE, SMALL = "ViT-B-16-quickgelu", "mini"
METHODS = "zero-shot,linear-probe,tip-adapter,tip-adapter-f,zs-lp,clap,lp-plus-plus,gda,ar,attrvr,biomedvr"
LIMITS = {"step": 60, "run": 60, "sweep": 45, "compile": 120, "predict": 90}  # seconds of a command
STEPS = 40  # of a reading


def main() -> None:
    """Measure each part in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default="step,run,sweep")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--backbone", default=BACKBONE, help="of step and run")
    parser.add_argument("--epochs", type=int, default=400, help="of the run")
    parser.add_argument("--sweep-epochs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=min(12, os.cpu_count() or 1))
    parser.add_argument("--cells", type=int, default=198)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--inside", choices=["step", "compiled"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        print(json.dumps(step(args, compiles=args.inside == "compiled")))
        return
    measure: dict[str, Callable[[argparse.Namespace, Path], dict[str, Any]]] = {
        "step": eager,
        "compile": compiled,
        "run": run,
        "sweep": sweep,
        "predict": predict,
    }
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for part in args.parts.split(","):
            try:
                results |= measure[part](args, Path(folder))
            except subprocess.TimeoutExpired:
                results[f"{part}: stopped after s"] = LIMITS[part]
            except subprocess.CalledProcessError as error:
                results[f"{part}: failed"] = (error.stderr or "").strip().splitlines()[-1:]
            if args.json:
                args.json.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    for name, value in results.items():
        print(f"{name:<44} {value}")


def eager(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The step as it runs."""
    return dict(json.loads(output([*inside(args), "step"], folder, "step")))


def compiled(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The compiled step, without and with a cache of compiled code."""
    results: dict[str, Any] = {}
    for state in ("no cache", "cached"):
        environment = {"TORCHINDUCTOR_CACHE_DIR": str(folder / "compiled")}
        line = output([*inside(args), "compiled"], folder, "compile", **environment)
        results |= {f"{name} ({state})": value for name, value in json.loads(line).items()}
    return results


def inside(args: argparse.Namespace) -> list[str]:
    """This program, called to measure a step in a process of its own."""
    script = str(Path(__file__).resolve())
    return [sys.executable, script, "--device", args.device, "--backbone", args.backbone, "--inside"]


def step(args: argparse.Namespace, *, compiles: bool) -> dict[str, Any]:
    """Milliseconds and memory of a step; for a compiled one also the seconds until its first result."""
    import torch

    from vr.clip.backbone import load
    from vr.methods.biomedvr import BioMedVR, BioMedVROptions
    from vr.methods.common.base import Context
    from vr.runtime.device import resolve_device, resolve_precision
    from vr.training.benchmark import instruments
    from vr.training.benchmark.paths import Path as ComputePath
    from vr.training.benchmark.paths import benchmark_card, training

    device = resolve_device(args.device)
    precision = resolve_precision("auto", device)
    weights = None if args.backbone == SMALL else "random"
    backbone = load(args.backbone, weights, device=device, precision=precision)
    method = BioMedVR(Context(backbone, benchmark_card(), None), BioMedVROptions())
    path = ComputePath("fast", method.encoder, precision, compile=compiles)
    taken = training(method, 64)(path)
    began = time.perf_counter()
    for _ in range(3):
        taken()
    instruments.synchronise(device)
    first = time.perf_counter() - began
    count = STEPS if device.type == "cuda" else 2
    readings = [instruments.seconds(taken, device, count) for _ in range(3)]
    name = "compiled step" if compiles else "step"
    results = {f"{name} ms": round(1000 * min(readings), 2)}
    results[f"{name} peak MB"] = round(instruments.peak_memory(taken, device) / 1e6)
    if compiles:
        results["seconds to compile"] = round(first, 1)
        return results
    product, operations = instruments.matmul(device, torch.bfloat16 if precision == "bf16" else torch.float32)
    product()
    peak = operations / min(instruments.seconds(product, device, 5) for _ in range(3))
    counted = instruments.flops(taken)
    results["share of a large product's speed"] = round(counted / min(readings) / peak, 3)
    return results


def run(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Seconds from the command to the result, with the images drawn and the texts encoded before."""
    python = [sys.executable, "-c", "from vr.cli import main; main()"]
    weights = [] if args.backbone == SMALL else ["--weights", "random"]
    words = [*python, "train", "--dataset", "kidney-phantom", "--backbone", args.backbone, *weights]
    words += ["--device", args.device]
    output([*python, "data", "check", "kidney-phantom"], folder, "run")  # draws the images
    seconds: dict[str, float] = {}
    for name, epochs in (("short", 1), ("long", args.epochs)):
        began = time.perf_counter()
        output([*words, "--epochs", str(epochs), "--out", name], folder, "run")
        seconds[f"{name} run, {epochs} epochs, s"] = round(time.perf_counter() - began, 2)
    return seconds


def predict(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Images per second of the stages of a prediction, and what changes where the GPU decodes."""
    from predict_many import draw, largest_difference, read

    python = [sys.executable, "-c", "from vr.cli import main; main()"]
    weights = [] if args.backbone == SMALL else ["--weights", "random"]
    words = [*python, "train", "--dataset", "kidney-phantom", "--backbone", args.backbone, *weights]
    output([*words, "--device", args.device, "--epochs", "1", "--out", "predicted"], folder, "predict")
    bench = [*python, "bench", "--predict", "predicted", "--device", args.device, "--json"]
    rates = json.loads(printed([*bench, "--workers", str(os.cpu_count())], folder, "predict"))
    results = {f"predict {name}": value and round(value) for name, value in rates.items()}
    if args.device == "cpu":
        return results
    images = folder / "images"
    images.mkdir()
    draw(images, 2000, 20)
    common = [*python, "predict", "predicted", "images", "--device", args.device]
    for decode in ("cpu", "gpu"):
        files = ["--decode", decode, "--out", f"{decode}.csv", "--errors", f"errors-{decode}.csv"]
        began = time.perf_counter()
        results[f"predict --decode {decode}"] = noted([*common, *files], folder)
        results[f"predict --decode {decode}, s"] = round(time.perf_counter() - began, 1)
    tables = [read(folder / f"{decode}.csv") for decode in ("cpu", "gpu")]
    errors = [(folder / f"errors-{decode}.csv").read_bytes() for decode in ("cpu", "gpu")]
    results["predict largest difference of a probability"] = f"{largest_difference(*tables):.1e}"
    results["predict same errors"] = errors[0] == errors[1]
    return results


def noted(words: list[str], folder: Path) -> str:
    """What a prediction, in which images are damaged, says of where it decoded."""
    ended = start(words, folder, "predict", check=False)
    if ended.returncode != 1:
        raise subprocess.CalledProcessError(ended.returncode, words, stderr=ended.stderr)
    return next((line for line in ended.stderr.splitlines() if "decoded" in line), "")


def sweep(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Cells per second of a sweep; the start of the workers is part of it."""
    python = [sys.executable, "-c", "from vr.cli import main; main()"]
    seeds = max(1, args.cells // 33)
    words = [*python, "sweep", "--datasets", "kidney-phantom", "--methods", METHODS, "--shots", "1,4,16"]
    words += ["--seeds", ",".join(map(str, range(1, seeds + 1))), "--backbone", SMALL]
    words += ["--epochs", str(args.sweep_epochs), "--device", args.device, "--jobs", str(args.jobs)]
    began = time.perf_counter()
    with contextlib.suppress(subprocess.TimeoutExpired):
        output(words, folder, "sweep")
    seconds = time.perf_counter() - began
    done = len(list((folder / "runs").rglob("metrics.json")))
    return {
        "sweep cells": f"{done} of {33 * seeds}, {args.jobs} jobs, {args.sweep_epochs} epochs",
        "sweep s": round(seconds, 1),
        "sweep cells per s": round(done / seconds, 2),
    }


def output(words: list[str], folder: Path, part: str, **environment: str) -> str:
    """The last line that a command prints."""
    return printed(words, folder, part, **environment).strip().splitlines()[-1]


def printed(words: list[str], folder: Path, part: str, **environment: str) -> str:
    """What a command prints."""
    return start(words, folder, part, **environment).stdout


def start(
    words: list[str], folder: Path, part: str, *, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    variables = {**os.environ, "VR_DATA": str(folder / "datasets"), "VR_CACHE": str(folder / "cache")}
    root = str(Path(__file__).parents[2])
    variables["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        words,
        cwd=folder,
        env={**variables, **environment},
        capture_output=True,
        text=True,
        check=check,
        timeout=LIMITS[part],
    )


if __name__ == "__main__":
    main()
