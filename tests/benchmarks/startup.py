"""How long `attrgen --help` and `vr --help` take: the best and the median of several starts.

python tests/benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(program: str) -> float:
    """Wall-clock time of one `--help`."""
    code = f"import sys; sys.argv = ['{program}', '--help']; from {program}.cli import main; main()"
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    for program, limit in (("attrgen", 0.4), ("vr", 1.0)):
        times = [seconds(program) for _ in range(10)]
        median = statistics.median(times)
        print(f"{program} --help: best {min(times):.2f} s, median {median:.2f} s (limit {limit} s)")


if __name__ == "__main__":
    main()
