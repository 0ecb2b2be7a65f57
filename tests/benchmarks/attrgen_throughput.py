"""How close a build comes to the ideal, and how long a rebuild from the cache takes.

    python tests/benchmarks/attrgen_throughput.py

400 lists from a scripted server (in a process of its own) that takes 200 ms a request, 16 in flight: ideally
400 / 16 * 0.2 = 5 s. Then the same again from the cache alone. Times are of the build itself, without the
start of Python, which is printed beside them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
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
    import attrgen.generation.build, attrgen.generation.report, httpx2, rich.progress
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


def build(folder: Path, url: str, concurrency: int, out: str) -> tuple[float, float, float]:
    """Seconds that the imports and the build took, and of the latter those on the processor."""
    words = ["build", "--dataset", "many.toml", "--base-url", url, "--kinds", "descriptive,distinctive"]
    words += ["--concurrency", str(concurrency), "--out", out]
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    start, took, busy = map(float, ran.stderr.splitlines()[-1].split())
    return start, took, busy


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, default=16)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        card(folder / "many.toml", args.requests // 2)
        command = [sys.executable, str(SERVER), str(folder / "port"), str(args.latency)]
        server = subprocess.Popen(command, stdin=subprocess.PIPE)
        try:
            while not (folder / "port").exists() or not (folder / "port").read_text():
                time.sleep(0.02)
            url = (folder / "port").read_text()
            ideal = args.requests / args.concurrency * args.latency
            start, took, busy = build(folder, url, args.concurrency, "first.json")
            print(f"{args.requests} requests: {took:.2f} s, ideal {ideal:.2f} s, ratio {took / ideal:.3f}")
            print(f"    {busy:.2f} s of it on the processor")
            again, cached, busy = build(folder, url, args.concurrency, "second.json")
            print(f"rebuild from the cache: {cached:.2f} s beyond {again:.2f} s of start-up")
            print(f"    {busy:.2f} s of it on the processor")
            same = (folder / "first.json").read_bytes() == (folder / "second.json").read_bytes()
            print(f"both files are {'equal' if same else 'DIFFERENT'}; start-up of the first {start:.2f} s")
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait()


if __name__ == "__main__":
    main()
