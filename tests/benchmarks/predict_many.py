"""`vr predict` over 10,000 images with 30 broken ones: memory, rows, and a run that is killed and goes on.

    python tests/benchmarks/predict_many.py RUN [--images 10000] [--broken 30] [--one-by-one 10000]

The images are drawn: JPEG and PNG of several sizes. Linux only (it reads /proc).
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

Row = dict[str, str]


def draw(folder: Path, images: int, broken: int) -> list[str]:
    """Draw images and return the paths of those that are broken."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    step, found = images // broken, []
    for number in range(images):
        path = folder / f"{number // 1000:02d}" / f"{number:05d}.{'png' if number % 4 == 0 else 'jpg'}"
        path.parent.mkdir(exist_ok=True)
        coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        size = (int(rng.integers(150, 400)), int(rng.integers(150, 400)))
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path)
        if number % step == step // 2 and len(found) < broken:
            content = path.read_bytes()
            path.write_bytes((b"", content[: len(content) // 3], b"not an image")[len(found) % 3])
            found.append(str(path))
    return found


def command(run: Path, *words: object) -> list[str]:
    main = "from vr.cli.program import program; program()"
    return [sys.executable, "-c", main, "predict", str(run), *map(str, words)]


def resident(process: subprocess.Popen[Any]) -> float:
    """Memory of a process in MiB, 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def rows_done(out: Path) -> int:
    journal = out.with_name(f"{out.name}.part")
    return max(0, journal.read_bytes().count(b"\n") - 1) if journal.exists() else 0


def read(table: Path) -> list[Row]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def largest_difference(one: list[Row], other: list[Row]) -> float:
    """Of any probability, row by row; the rows must be of the same files."""
    assert [row["path"] for row in one] == [row["path"] for row in other], "not the same rows"
    return max(
        abs(float(a[key]) - float(b[key]))
        for a, b in zip(one, other, strict=True)
        for key in a
        if key.startswith("p(")
    )


def whole_run(run: Path, folder: Path, out: Path, images: int) -> None:
    errors = out.with_name("errors.csv")
    start = time.perf_counter()
    process = subprocess.Popen(
        command(run, folder, "--out", out, "--errors", errors), stderr=subprocess.DEVNULL
    )
    memory: dict[int, float] = {}
    while process.poll() is None:
        done = rows_done(out)
        if done and done * 10 // images not in memory:
            memory[done * 10 // images] = resident(process)
        time.sleep(0.05)
    seconds = time.perf_counter() - start
    print(f"exit status {process.returncode}, {images / seconds:,.0f} images/s with the start of the program")
    print("memory (MiB) by tenth:", ", ".join(f"{value:,.0f}" for _, value in sorted(memory.items())))


def killed_run(run: Path, folder: Path, out: Path, images: int) -> None:
    for share in (0.2, 0.6):
        process = subprocess.Popen(command(run, folder, "--out", out, "--resume"), stderr=subprocess.DEVNULL)
        while rows_done(out) < share * images:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        process.wait()
        print(f"killed after {rows_done(out):,} rows")
    status = subprocess.run(
        command(run, folder, "--out", out, "--resume"), stderr=subprocess.DEVNULL
    ).returncode
    print(f"gone on with: exit status {status}")


def one_by_one(run: Path, rows: list[Row], count: int) -> None:
    import vr

    model = vr.load(run)
    differences, classes = [], 0
    for row in rows[:: max(1, len(rows) // count)]:
        (prediction,) = model.predict(row["path"])
        differences += [abs(p - float(row[f"p({name})"])) for name, p in prediction.probabilities.items()]
        classes += prediction.label != row["predicted"]
    print(
        f"image by image, {len(differences) // len(model.classes):,} of them: largest difference of a "
        f"probability {max(differences):.1e}, other classes {classes}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--broken", type=int, default=30)
    parser.add_argument("--one-by-one", type=int, default=10_000, help="so many are also predicted singly")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        folder = root / "images"
        folder.mkdir()
        broken = draw(folder, options.images, options.broken)
        whole_run(options.run, folder, root / "whole.csv", options.images)
        rows, listed = read(root / "whole.csv"), [row["path"] for row in read(root / "errors.csv")]
        print(f"{len(rows):,} rows; the {len(broken)} broken files are listed: {listed == broken}")
        killed_run(options.run, folder, root / "killed.csv", options.images)
        again = read(root / "killed.csv")
        print(f"no row lost or twice; largest difference {largest_difference(rows, again):.1e}")
        one_by_one(options.run, rows, options.one_by_one)


if __name__ == "__main__":
    main()
