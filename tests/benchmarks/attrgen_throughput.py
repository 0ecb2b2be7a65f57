"""How close a build comes to the ideal, and how long a rebuild from the cache takes.

    python tests/benchmarks/attrgen_throughput.py [--times 3]

400 lists from a scripted server (in a process of its own) that takes 200 ms a request, 16 in flight: ideally
400 / 16 * 0.2 = 5 s. Then the same from the cache alone. For comparison a bare HTTP client sends as many
requests of the same size, 16 at a time from the start, and reads nothing of the answers. Times are of the
build itself, without the start of Python. The best and the median of several runs are printed, because other
programs on the machine only ever add time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SERVER = HERE.parent / "attrgen" / "scripted_server.py"

PROGRAM = """
import sys, time
began = time.monotonic()
from attrgen import cli
from attrgen.cli import build
if "--cold" in sys.argv:
    sys.argv.remove("--cold")
else:
    import attrgen.generation.build, attrgen.generation.report, attrgen.llm.log, openai, rich.progress
    openai.AsyncOpenAI(api_key="none")
started, busy = time.monotonic(), time.process_time()
try:
    cli.main()
finally:
    took = time.monotonic() - started
    print(f"{started - began:.3f} {took:.3f} {time.process_time() - busy:.3f}", file=sys.stderr)
"""


def card(path: Path, classes: int) -> None:
    """A dataset of so many classes."""
    head = 'name = "many"\ntitle = "Many"\nmodality = "photo"\nshows = "a finding"\n'
    names = (f'\n[[classes]]\nname = "finding {i}"\nfolder = "finding_{i}"\n' for i in range(classes))
    path.write_text(head + "".join(names))


BARE = """
import asyncio, json, sys, time
import httpx2

async def main(url, number, most):
    gate = asyncio.Semaphore(most)
    message = {"role": "user", "content": "Answer with one JSON object of exactly 10 strings. " + "x" * 2500}
    async with httpx2.AsyncClient(verify=False) as client:
        async def one():
            async with gate:
                await client.post(f"{url}/chat/completions", json={"model": "m", "messages": [message]})
        began = time.monotonic()
        await asyncio.gather(*(one() for _ in range(number)))
        print(f"0 {time.monotonic() - began:.3f} {time.process_time():.3f}", file=sys.stderr)

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


@dataclass(frozen=True)
class Timing:
    """Seconds that the imports and the work took, and of all those on the processor."""

    start: float
    took: float
    busy: float


def measured(folder: Path, program: str, words: list[str]) -> Timing:
    """Run a program that prints its timing last."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "pyc")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", program, *words]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return Timing(*map(float, ran.stderr.splitlines()[-1].split()))


def build(folder: Path, url: str, concurrency: int, out: str) -> Timing:
    """A build of every list."""
    words = ["build", "--dataset", "many.toml", "--base-url", url, "--kinds", "descriptive,distinctive"]
    return measured(folder, PROGRAM, [*words, "--concurrency", str(concurrency), "--out", out])


def show(title: str, timings: list[Timing], unit: float | None = None) -> None:
    """Print the best and the median of some runs, also as multiples of `unit`."""
    took = sorted(timing.took for timing in timings)
    best, median = took[0], statistics.median(took)
    ratios = "" if unit is None else f", {best / unit:.3f} and {median / unit:.3f} of the ideal"
    busy = min(timing.busy for timing in timings)
    print(f"{title}: best {best:.2f} s, median {median:.2f} s{ratios}; {busy:.2f} s on the processor")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--times", type=int, default=3)
    args = parser.parse_args()
    ideal = args.requests / args.concurrency * args.latency
    bare, built, rebuilt = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        card(folder / "many.toml", args.requests // 2)
        command = [sys.executable, str(SERVER), str(folder / "port"), str(args.latency)]
        server = subprocess.Popen(command, stdin=subprocess.PIPE)
        try:
            while not (folder / "port").exists() or not (folder / "port").read_text():
                time.sleep(0.02)
            url = (folder / "port").read_text()
            for number in range(args.times + 1):
                outs = [folder / f"{number}-{word}.json" for word in ("first", "second")]
                timings = [
                    measured(folder, BARE, [url, str(args.requests), str(args.concurrency)]),
                    *(build(folder, url, args.concurrency, str(out)) for out in outs),
                ]
                assert outs[0].read_bytes() == outs[1].read_bytes()
                shutil.rmtree(folder / "cache")
                if number:  # the first run compiles what is imported
                    for times, timing in zip((bare, built, rebuilt), timings, strict=True):
                        times.append(timing)
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait()
    show("bare client", bare, ideal)
    show(f"{args.requests} requests", built, ideal)
    show("rebuild from the cache", rebuilt)
    print(f"start-up before: {min(timing.start for timing in built):.2f} s")


if __name__ == "__main__":
    main()
