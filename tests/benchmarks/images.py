"""Images a second for decode and augmentation, and peak memory over 1,000 and 20,000 streamed images.

    python tests/benchmarks/images.py [--device cuda]

The images are drawn: 512 by 512 grey JPEG and PNG of smooth structure with noise, as a CT slice weighs about.
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

SHAPE = (512, 512)
SIZE = 192


def picture(form: str) -> bytes:
    import numpy as np
    from PIL import Image

    coarse = np.random.default_rng(0).integers(0, 200, (16, 16), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize(SHAPE, Image.Resampling.BICUBIC))
    noise = np.random.default_rng(1).integers(0, 30, SHAPE, dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(smooth // 2 + noise).save(stream, format=form)
    return stream.getvalue()


def rate(work: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def decode_rates(folder: Path) -> None:
    from vr.data.formats.file_source import FileSource
    from vr.data.formats.file_tree import FolderTree
    from vr.data.loading.stream import stream
    from vr.data.sources import Item

    for form in ("JPEG", "PNG"):
        (folder / f"one.{form.lower()}").write_bytes(picture(form))
        source = FileSource(FolderTree(folder), {})
        items = [Item(f"one.{form.lower()}", 0)] * 400
        for workers in (1, os.cpu_count() or 1):

            def work(source: FileSource = source, items: list[Item] = items, workers: int = workers) -> int:
                return sum(len(batch.paths) for batch in stream(source, items, SIZE, workers=workers))

            actual = rate(work, len(items))
            print(f"decode {form}, 512 x 512 to {SIZE}, {workers} workers: {actual:,.0f} images/s")


def augmentation_rate(device: str) -> None:
    import torch

    from vr.data.loading.training_images import TrainingImages

    for name, shapes in (
        ("one shape", [(SIZE, SIZE)] * 64),
        ("mixed shapes", [(SIZE, SIZE + n) for n in range(64)]),
    ):
        stored = [torch.randint(0, 256, (3, *shape), dtype=torch.uint8) for shape in shapes]
        resident = TrainingImages(stored, [0] * 64, SIZE, device)
        batches = 50 if device != "cpu" else 5

        def work(resident: TrainingImages = resident, batches: int = batches) -> None:
            generator = torch.Generator().manual_seed(0)
            for _ in range(batches):
                batch = resident.batch(torch.arange(64), generator=generator)
            batch.sum().item()  # waits for the device

        work()
        print(f"augmentation on {device}, {name}, batches of 64: {rate(work, 64 * batches):,.0f} images/s")


def peak_of_streaming(folder: Path, count: int) -> dict[str, float]:
    """Streams `count` links to one file; run in a process of its own."""
    from attrgen.schema.card import Card, CardClass
    from vr.data.loading.stream import stream
    from vr.data.sources import open_source

    card = Card(
        name="x",
        title="x",
        modality="x",
        shows="x",
        classes=(CardClass(name="a", folder="a"), CardClass(name="b", folder="b")),
    )
    source = open_source(card, folder)
    items = [item for own in source.splits.values() for item in own]
    assert len(items) == count
    idle = peak_mebibytes()
    start = time.perf_counter()
    streamed = sum(len(batch.paths) for batch in stream(source, items, SIZE, workers=os.cpu_count() or 1))
    assert streamed == count
    seconds = time.perf_counter() - start
    return {"idle": idle, "peak": peak_mebibytes(), "rate": count / seconds}


def peak_mebibytes() -> float:
    """High-water mark of this process alone (getrusage would count what its parent had, too); Linux only."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    return int(line.split()[1]) / 1024


def memory(folder: Path) -> None:
    for count in (1_000, 20_000):
        root = folder / str(count)
        content = picture("JPEG")
        for name in ("a", "b"):
            (root / name).mkdir(parents=True)
            (root / name / "0.jpg").write_bytes(content)
            for number in range(1, count // 2):
                os.link(root / name / "0.jpg", root / name / f"{number}.jpg")
        command = [sys.executable, __file__, "--peak", str(root), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        actual = json.loads(done.stdout)
        print(
            f"streaming {count:,} images: peak {actual['peak']:,.0f} MiB "
            f"({actual['idle']:,.0f} before the first), {actual['rate']:,.0f} images/s"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", nargs=2, metavar=("FOLDER", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(json.dumps(peak_of_streaming(Path(options.peak[0]), int(options.peak[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        decode_rates(Path(folder))
        augmentation_rate(options.device)
        memory(Path(folder))


if __name__ == "__main__":
    main()
