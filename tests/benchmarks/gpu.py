"""A GPU in about 100 seconds: the training step, a whole run from command to result, and a sweep.

    python tests/benchmarks/gpu.py [--parts step,run,sweep,cell,compile,predict] [--device cuda] [--mps]
        [--json FILE]

The step is BioMedVR's with ViT-B/16 (random weights) at batch 64 in bf16, as it runs and without its Triton
kernels. `compile`, which takes another 100 seconds, measures the step compiled, without and with a cache. The
run has 400 epochs on kidney-phantom, 16 shots. The sweep has 198 cells of `mini`: 11 methods, 3 numbers of
shots and 6 seeds, with few epochs, so that what is measured is everything around the steps. `cell` has the
seconds of each stage of a cell of BioMedVR with 100 epochs: in one process alone, and in each of --jobs
processes at once; the difference is what sharing the GPU costs. With --mps, sweep and cell are measured again
with NVIDIA's Multi-Process Service. `predict`, about a minute more, measures the stages of a prediction, and
compares 2,000 images (1,500 JPEG, 20 damaged) that are decoded on the CPU and on the GPU.
Each value is printed as soon as it is known. A part with a command that fails or takes longer than its limit
ends, and its last line says so; of a sweep the cells that are done then count.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mps import multi_process_service, serves
from parts import Values, print_values, run, until_it_ends, values_of

BACKBONE, SMALL = "ViT-B-16-quickgelu", "mini"
METHODS = "zero-shot,linear-probe,tip-adapter,tip-adapter-f,zs-lp,clap,lp-plus-plus,gda,ar,attrvr,biomedvr"
# Seconds of a command.
LIMITS = {"step": 60, "run": 60, "sweep": 45, "cell": 90, "compile": 120, "predict": 90}
STEPS = 40  # of a reading
VR = [sys.executable, "-c", "from vr.cli.program import program; program()"]


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
        print_values(cell_inside(args) if args.inside == "cell" else step(args))
        return
    measure: dict[str, Callable[[argparse.Namespace, Path], Values]] = {
        "step": eager,
        "compile": compiled,
        "run": whole_runs,
        "sweep": sweep,
        "cell": cell,
        "predict": predict,
    }
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for part in args.parts.split(","):
            for name, value in until_it_ends(part, measure[part](args, Path(folder))):
                results[name] = value
                print(f"{name:<44} {value}", flush=True)
                if args.json:
                    args.json.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


def eager(args: argparse.Namespace, folder: Path) -> Values:
    """The step as it runs."""
    yield from values_of([*inside(args), "step"], folder, LIMITS["step"])


def compiled(args: argparse.Namespace, folder: Path) -> Values:
    """The compiled step, without and with a cache of compiled code."""
    for state in ("no cache", "cached"):
        cache = {"TORCHINDUCTOR_CACHE_DIR": str(folder / "compiled")}
        for name, value in values_of([*inside(args), "compiled"], folder, LIMITS["compile"], **cache):
            yield f"{name} ({state})", value


def inside(args: argparse.Namespace) -> list[str]:
    """This program, called to measure in a process of its own."""
    script = str(Path(__file__).resolve())
    words = [sys.executable, script, "--device", args.device, "--backbone", args.backbone]
    words += ["--small", args.small, "--cell-epochs", str(args.cell_epochs), "--jobs", str(args.jobs)]
    return [*words, "--inside"]


def step(args: argparse.Namespace) -> Values:
    """Milliseconds and memory of a step; for a compiled one also the seconds until its first result."""
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
    if compiles:
        yield "seconds to compile", round(time.perf_counter() - began, 1)
        yield from readings("compiled step", taken, device)
        return
    with fused.without():
        yield from readings("step without kernels", taken, device)
    yield from readings("step", taken, device)
    yield "kernels that differ or fail", refused.getvalue().split("\n")[:-1]
    product, operations = instruments.matmul(device, torch.bfloat16 if precision == "bf16" else torch.float32)
    peak = operations / best_seconds(product, device, 5)
    rate = instruments.flops(taken) / best_seconds(taken, device, 5)
    yield "share of a large product's speed", round(rate / peak, 3)


def readings(name: str, taken: Callable[[], Any], device: Any) -> Values:
    """Milliseconds and memory of a step."""
    from vr.training.benchmark import instruments

    seconds = best_seconds(taken, device, STEPS if device.type == "cuda" else 2)
    yield f"{name} ms", round(1000 * seconds, 2)
    yield f"{name} peak MB", round(instruments.peak_memory(taken, device) / 1e6)


def best_seconds(taken: Callable[[], Any], device: Any, count: int) -> float:
    """Seconds of a call: the best of three readings of so many calls."""
    from vr.training.benchmark import instruments

    taken()
    return min(instruments.seconds(taken, device, count) for _ in range(3))


def draw_dataset(folder: Path) -> None:
    """Draw the images of kidney-phantom, and check them."""
    run([*VR, "data", "check", "kidney-phantom"], folder, LIMITS["run"])


def training_words(args: argparse.Namespace) -> list[str]:
    """The command that trains on kidney-phantom."""
    weights = [] if args.backbone == SMALL else ["--weights", "random"]
    words = [*VR, "train", "--dataset", "kidney-phantom", "--backbone", args.backbone, *weights]
    return [*words, "--device", args.device]


def whole_runs(args: argparse.Namespace, folder: Path) -> Values:
    """Seconds from the command to the result, with the images drawn and the texts encoded before."""
    draw_dataset(folder)
    for name, epochs in (("short", 1), ("long", args.epochs)):
        began = time.perf_counter()
        run([*training_words(args), "--epochs", str(epochs), "--out", name], folder, LIMITS["run"])
        yield f"{name} run, {epochs} epochs, s", round(time.perf_counter() - began, 2)


def predict(args: argparse.Namespace, folder: Path) -> Values:
    """Images per second of the stages of a prediction, and what changes where the GPU decodes."""
    from predict_many import draw, largest_difference, read

    run([*training_words(args), "--epochs", "1", "--out", "predicted"], folder, LIMITS["predict"])
    bench = [*VR, "bench", "--predict", "predicted", "--device", args.device, "--json"]
    rates = json.loads(run([*bench, "--workers", str(os.cpu_count())], folder, LIMITS["predict"]).stdout)
    for name, rate in rates.items():
        yield f"predict {name}", rate and round(rate)
    if args.device == "cpu":
        return
    images = folder / "images"
    images.mkdir()
    draw(images, 2000, 20)
    common = [*VR, "predict", "predicted", "images", "--device", args.device]
    for decode in ("cpu", "gpu"):
        files = ["--decode", decode, "--out", f"{decode}.csv", "--errors", f"errors-{decode}.csv"]
        began = time.perf_counter()
        yield f"predict --decode {decode}", noted([*common, *files], folder)
        yield f"predict --decode {decode}, s", round(time.perf_counter() - began, 1)
    tables = [read(folder / f"{decode}.csv") for decode in ("cpu", "gpu")]
    errors = [(folder / f"errors-{decode}.csv").read_bytes() for decode in ("cpu", "gpu")]
    yield "predict largest difference of a probability", f"{largest_difference(*tables):.1e}"
    yield "predict same errors", errors[0] == errors[1]


def noted(words: list[str], folder: Path) -> str:
    """What a prediction, in which images are damaged, says of where it decoded."""
    ended = run(words, folder, LIMITS["predict"], check=False)
    if ended.returncode != 1:
        raise subprocess.CalledProcessError(ended.returncode, words, ended.stdout, ended.stderr)
    return next((line for line in ended.stderr.splitlines() if "decoded" in line), "")


def sweep(args: argparse.Namespace, folder: Path) -> Values:
    """Cells per second of a sweep; the start of the workers is part of it."""
    draw_dataset(folder)

    def measured(name: str, environment: dict[str, str]) -> Values:
        return until_it_ends(f"sweep{name}", one_sweep(args, folder, name, environment))

    yield from in_services(args, folder, measured)


def one_sweep(args: argparse.Namespace, folder: Path, name: str, environment: dict[str, str]) -> Values:
    """What a sweep is and took, also where it fails or is stopped."""
    seeds, directory = max(1, args.cells // 33), folder / f"runs{name}"
    words = [*VR, "sweep", "--runs", str(directory)]
    words += ["--datasets", "kidney-phantom", "--methods", METHODS, "--shots", "1,4,16"]
    words += ["--seeds", ",".join(map(str, range(1, seeds + 1))), "--backbone", args.small]
    words += ["--epochs", str(args.sweep_epochs), "--device", args.device, "--jobs", str(args.jobs)]
    began = time.perf_counter()
    try:
        run(words, folder, LIMITS["sweep"], **environment)
    finally:
        seconds = time.perf_counter() - began
        done = len(list(directory.rglob("metrics.json")))
        size = f"{done} of {33 * seeds}, {args.jobs} jobs, {args.sweep_epochs} epochs"
        yield f"sweep{name} cells", size
        yield f"sweep{name} s", round(seconds, 1)
        yield f"sweep{name} cells per s", round(done / seconds, 2)


def cell(args: argparse.Namespace, folder: Path) -> Values:
    """Seconds of each stage of a cell: in one process, which encodes the texts, and in several at once."""
    draw_dataset(folder)
    yield from together(args, folder, 1, "cell", {})

    def measured(name: str, environment: dict[str, str]) -> Values:
        several = f"cell{name} x {args.jobs}"
        return until_it_ends(several, together(args, folder, args.jobs, several, environment))

    yield from in_services(args, folder, measured)


def together(
    args: argparse.Namespace, folder: Path, count: int, name: str, environment: dict[str, str]
) -> Values:
    """Mean seconds by stage of cells in so many processes at once."""

    def stages(slot: int) -> dict[str, float]:
        words = [*inside(args), "cell", "--runs", f"{name}-{slot}"]
        return dict(values_of(words, folder, LIMITS["cell"], **environment))

    with ThreadPoolExecutor(count) as pool:
        seconds = list(pool.map(stages, range(count)))
    for key in seconds[0]:
        yield f"{name} {key} s", round(sum(one[key] for one in seconds) / count, 3)


def cell_inside(args: argparse.Namespace) -> Values:
    """Seconds by stage in this process."""
    from cell_stages import seconds_by_stage

    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    seconds = seconds_by_stage(
        backbone=args.small, device=args.device, epochs=args.cell_epochs, runs=args.runs, threads=threads
    )
    yield from seconds.items()


def in_services(
    args: argparse.Namespace, folder: Path, measured: Callable[[str, dict[str, str]], Values]
) -> Values:
    """What is measured without NVIDIA's service, and with --mps with it, if it is here.

    Args:
        measured: gets what to add to names, and the environment of commands.
    """
    yield from measured("", {})
    if not args.mps:
        return
    with multi_process_service(folder) as environment:
        if environment is None:
            yield "MPS", "is not here, or does not start"
            return
        yield from measured(" with MPS", environment)
        yield "MPS", "was used" if serves(environment) else "runs, but was not used"


if __name__ == "__main__":
    main()
