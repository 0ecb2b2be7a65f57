"""A GPU in about 100 seconds: the training step, a whole run from command to result, and a sweep.

    python tests/benchmarks/gpu.py [--parts step,run,sweep,cell,compile,predict] [--device cuda] [--mps]
        [--json FILE]

The step is BioMedVR's with ViT-B/16 (random weights) at batch 64 in bf16, as it runs and without its Triton
kernels; beside it attention alone, by PyTorch's implementations and with the kernel. `compile`, which takes
another 100 seconds, measures the step compiled, without and with a cache. The run has 400 epochs on
kidney-phantom, 16 shots. The sweep has 198 cells of `mini`: 11 methods, 3 numbers of shots and 6 seeds, with
few epochs, so that what is measured is everything around the steps. `cell` has the seconds of each stage of a
cell of BioMedVR with 100 epochs: in one process alone, and in each of --jobs processes at once; the
difference is what sharing the GPU costs. With --mps, sweep and cell are measured again with NVIDIA's
Multi-Process Service. `predict`, about a minute more, measures the stages of a prediction, and compares 2,000
images (1,500 JPEG, 20 damaged) that are decoded on the CPU and on the GPU.
A part that takes longer than its limit is stopped, and the table says so; of a sweep the cells that are done
then count.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mps import multi_process_service, serves

BACKBONE, SMALL = "ViT-B-16-quickgelu", "mini"
METHODS = "zero-shot,linear-probe,tip-adapter,tip-adapter-f,zs-lp,clap,lp-plus-plus,gda,ar,attrvr,biomedvr"
# Seconds of a command.
LIMITS = {"step": 60, "run": 60, "sweep": 45, "cell": 90, "compile": 120, "predict": 90}
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
    parser.add_argument("--cell-epochs", type=int, default=100)
    parser.add_argument("--small", default=SMALL, help="backbone of sweep and cell, such as a model folder")
    parser.add_argument("--mps", action="store_true", help="measure sweep and cell with the service, too")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--inside", choices=["step", "compiled", "cell"], help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        print(json.dumps(cell_inside(args) if args.inside == "cell" else step(args)))
        return
    measure: dict[str, Callable[[argparse.Namespace, Path], dict[str, Any]]] = {
        "step": eager,
        "compile": compiled,
        "run": run,
        "sweep": sweep,
        "cell": cell,
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
    words = [sys.executable, script, "--device", args.device, "--backbone", args.backbone]
    words += ["--small", args.small, "--cell-epochs", str(args.cell_epochs), "--jobs", str(args.jobs)]
    return [*words, "--inside"]


def step(args: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds and memory of a step; for a compiled one also the seconds until its first result."""
    import attention
    import torch

    from vr.clip.backbone import load
    from vr.clip.vit import fused
    from vr.methods.biomedvr import BioMedVR, BioMedVROptions
    from vr.methods.common.base import Context
    from vr.runtime.device import resolve_device, resolve_precision
    from vr.training.benchmark import instruments
    from vr.training.benchmark.paths import Path as ComputePath
    from vr.training.benchmark.paths import benchmark_card, training

    compiles = args.inside == "compiled"
    device = resolve_device(args.device)
    precision = resolve_precision("auto", device)
    weights = None if args.backbone == SMALL else "random"
    backbone = load(args.backbone, weights, device=device, precision=precision)
    method = BioMedVR(Context(backbone, benchmark_card(), None), BioMedVROptions())
    path = ComputePath("fast", method.encoder, precision, compile=compiles)
    taken = training(method, 64)(path)
    refused = io.StringIO()
    logging.getLogger(fused.__name__).addHandler(logging.StreamHandler(refused))
    began = time.perf_counter()
    for _ in range(3):
        taken()
    instruments.synchronise(device)
    first = time.perf_counter() - began
    if compiles:
        results = readings("compiled step", taken, device)
        return {**results, "seconds to compile": round(first, 1)}
    with fused.without(*fused.KERNELS):
        results = readings("step without kernels", taken, device)
    with fused.without("attention"):
        results |= readings("step with the norm kernels alone", taken, device)
    results |= readings("step", taken, device)
    results["kernels that differ or fail"] = refused.getvalue().split("\n")[:-1]
    product, operations = instruments.matmul(device, torch.bfloat16 if precision == "bf16" else torch.float32)
    product()
    peak = operations / min(instruments.seconds(product, device, 5) for _ in range(3))
    rate = instruments.flops(taken) / (results["step ms"] / 1000)
    results["share of a large product's speed"] = round(rate / peak, 3)
    return results | (attention.measure(device) if device.type == "cuda" else {})


def readings(name: str, taken: Callable[[], Any], device: Any) -> dict[str, Any]:
    """Milliseconds, of the best of three readings, and memory of a step."""
    from vr.training.benchmark import instruments

    taken()
    count = STEPS if device.type == "cuda" else 2
    seconds = min(instruments.seconds(taken, device, count) for _ in range(3))
    peak = instruments.peak_memory(taken, device)
    return {f"{name} ms": round(1000 * seconds, 2), f"{name} peak MB": round(peak / 1e6)}


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
    output([*python, "data", "check", "kidney-phantom"], folder, "run")  # draws the images
    results: dict[str, Any] = {}
    for name, environment in services(args, folder, results):
        results |= {f"sweep{name} {key}": value for key, value in one_sweep(args, folder, name, environment)}
    return results


def one_sweep(
    args: argparse.Namespace, folder: Path, name: str, environment: dict[str, str]
) -> Iterator[tuple[str, Any]]:
    """What a sweep is and took."""
    seeds, runs = max(1, args.cells // 33), folder / f"runs{name}"
    words = [sys.executable, "-c", "from vr.cli import main; main()", "sweep", "--runs", str(runs)]
    words += ["--datasets", "kidney-phantom", "--methods", METHODS, "--shots", "1,4,16"]
    words += ["--seeds", ",".join(map(str, range(1, seeds + 1))), "--backbone", args.small]
    words += ["--epochs", str(args.sweep_epochs), "--device", args.device, "--jobs", str(args.jobs)]
    began = time.perf_counter()
    with contextlib.suppress(subprocess.TimeoutExpired):
        output(words, folder, "sweep", **environment)
    seconds = time.perf_counter() - began
    done = len(list(runs.rglob("metrics.json")))
    yield "cells", f"{done} of {33 * seeds}, {args.jobs} jobs, {args.sweep_epochs} epochs"
    yield "s", round(seconds, 1)
    yield "cells per s", round(done / seconds, 2)


def cell(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Seconds of each stage of a cell: in one process, which encodes the texts, and in several at once."""
    python = [sys.executable, "-c", "from vr.cli import main; main()"]
    output([*python, "data", "check", "kidney-phantom"], folder, "run")  # draws the images
    results: dict[str, Any] = {f"cell {key} s": value for key, value in together(args, folder, 1, "").items()}
    for name, environment in services(args, folder, results):
        several = f"cell{name} x {args.jobs}"
        try:
            means = together(args, folder, args.jobs, name, **environment)
        except subprocess.TimeoutExpired:
            results[f"{several}: stopped after s"] = LIMITS["cell"]
            continue
        results |= {f"{several} {key} s": value for key, value in means.items()}
    return results


def together(
    args: argparse.Namespace, folder: Path, count: int, name: str, **environment: str
) -> dict[str, float]:
    """Mean seconds by stage of cells in so many processes at once."""
    with ThreadPoolExecutor(count) as pool:
        words = [[*inside(args), "cell", "--runs", f"cell{name}-{count}-{slot}"] for slot in range(count)]
        lines = list(pool.map(lambda line: output(line, folder, "cell", **environment), words))
    readings = [json.loads(line) for line in lines]
    return {key: round(sum(reading[key] for reading in readings) / count, 3) for key in readings[0]}


def cell_inside(args: argparse.Namespace) -> dict[str, float]:
    """Seconds by stage in this process."""
    from cell_stages import seconds_by_stage

    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    return seconds_by_stage(
        backbone=args.small, device=args.device, epochs=args.cell_epochs, runs=args.runs, threads=threads
    )


def services(
    args: argparse.Namespace, folder: Path, results: dict[str, Any]
) -> Iterator[tuple[str, dict[str, str]]]:
    """The environments to measure in: without NVIDIA's service, and with --mps with it, if it is here."""
    yield "", {}
    if not args.mps:
        return
    with multi_process_service(folder) as environment:
        if environment is None:
            results["MPS"] = "is not here, or does not start"
            return
        yield " with MPS", environment
        results["MPS"] = "was used" if serves(environment) else "runs, but was not used"


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
