"""Many small images on Ray, with one and two actors, of which one is killed: rows, memory, images per second.

    python tests/benchmarks/predict_on_ray.py RUN [IMAGES]

Prints one line per call: images per second, what limits, the memory of the driver and of the largest actor,
and whether the table is that of one process, byte for byte.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from vr.data.loading.unlabelled import image_paths
from vr.inference.decision import Decision
from vr.inference.on_ray import Setup, predict_on_ray
from vr.inference.predict import predict_to_file
from vr.inference.shard import folder_of
from vr.runs import run as runs

DISTINCT = 200
SIDE = 64


def draw(folder: Path, count: int) -> None:
    """Images of which every two hundredth has the same pixels, in folders of a thousand."""
    rng = np.random.default_rng(0)
    kept = []
    for number in range(min(DISTINCT, count)):
        path = folder / f"source-{number}.png"
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(path, compress_level=1)
        kept.append(path)
    for number in range(count):
        path = folder / "images" / f"{number // 1000:04d}" / f"{number:07d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(kept[number % len(kept)], path)


def actors() -> list[int]:
    """Processes that are actors of Ray Data."""
    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().startswith(b"ray::MapWorker"):
                processes.append(int(folder.name))
        except OSError:
            continue
    return processes


def resident(process: int) -> float:
    """Memory of a process in MB; 0 where it has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Watch(threading.Thread):
    """Samples memory every second, and kills an actor when a third of the parts is written."""

    def __init__(self, parts: Path, kill_after: int | None) -> None:
        super().__init__(daemon=True)
        self.driver: list[float] = []
        self.largest: list[float] = []
        self.killed = 0
        self._parts, self._kill_after = parts, kill_after
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(1.0):
            running = actors()
            self.driver.append(resident(os.getpid()))
            self.largest.append(max(map(resident, running), default=0.0))
            written = len(list(self._parts.glob("part-*")))
            if self._kill_after is not None and not self.killed and written >= self._kill_after and running:
                os.kill(running[0], signal.SIGKILL)
                self.killed += 1

    def stop(self) -> None:
        self._done.set()
        self.join()

    def growth(self, samples: list[float]) -> str:
        """The memory in the middle of the time and at its end."""
        middle = [value for value in samples[len(samples) // 3 :] if value]
        return f"{middle[0]:.0f} to {middle[-1]:.0f} MB" if middle else "unknown"


def main(run: Path, count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder, count)
        loaded = runs.load_run(run, device="cpu")
        decision = Decision(loaded.card.class_names)
        alone = folder / "alone.csv"
        began = time.monotonic()
        predict_to_file(loaded, decision, image_paths([folder / "images"]), alone, workers=2)
        seconds = time.monotonic() - began
        print(f"one process: {count / seconds:.0f} images per second", flush=True)
        setup = Setup(run.absolute(), {"device": "cpu"}, decision, None, 2)
        for jobs, kills in ((1, False), (2, False), (2, True)):
            out = folder / f"{jobs}-{kills}.csv"
            watch = Watch(folder_of(out), count // 512 // 3 if kills else None)
            watch.start()
            said: list[str] = []
            predict_on_ray(setup, image_paths([folder / "images"]), out, jobs=jobs, say=said.append)
            watch.stop()
            print(f"{jobs} actors, {watch.killed} killed: {said[-1]}")
            print(f"  driver {watch.growth(watch.driver)}, largest actor {watch.growth(watch.largest)}")
            print(f"  equal to one process: {out.read_bytes() == alone.read_bytes()}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
