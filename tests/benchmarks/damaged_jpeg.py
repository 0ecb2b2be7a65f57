"""Damaged JPEG files that `vr predict --decode gpu` leaves to nvJPEG: does it refuse what the CPU refuses?

    python tests/benchmarks/damaged_jpeg.py [--device cuda] [--files 20000]

Bytes of small files are changed, removed and inserted. A file that only the device decodes gets a row instead
of an error; one that only the CPU decodes is decoded there.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections import Counter

import numpy as np
import torch
from PIL import Image

from attrgen.core.errors import UserError
from vr.clip.preprocessing import Preprocessing
from vr.data.decoding.jpeg_batches import JpegBatches, PlainJpeg
from vr.data.decoding.pixels import decode
from vr.data.decoding.plain_jpeg import plain_size
from vr.data.decoding.resize import to_square

SIZE, BATCH = 48, 64
FAR = 20.0  # grey levels, on average over an image: it shows something else


def main() -> None:
    """Damage files, decode them on both, and print how often they agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--files", type=int, default=20_000)
    args = parser.parse_args()
    sys.stderr = os.fdopen(os.dup(2), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libjpeg warns of each file
    preprocessing = Preprocessing(size=SIZE)
    batches = JpegBatches(torch.device(args.device), SIZE, preprocessing)
    rng = np.random.default_rng(0)
    intact, counts = originals(rng), Counter[str]()
    files: list[PlainJpeg] = []
    for number in range(args.files):
        content = damaged(intact[number % len(intact)], rng)
        if (size := plain_size(content)) is None:
            counts["left to the CPU by their headers"] += 1
        else:
            files.append(PlainJpeg(content, size))
    for start in range(0, len(files), BATCH):
        part = files[start : start + BATCH]
        for file, square in zip(part, batches(part), strict=True):
            counts[agreement(file, square, preprocessing)] += 1
    for name, count in sorted(counts.items()):
        print(f"{name:<40}{count:>8,}")


def originals(rng: np.random.Generator) -> list[bytes]:
    """Baseline, progressive and restart markers."""
    contents = []
    for options in ({}, {"progressive": True}, {"subsampling": 0, "restart_marker_rows": 1}):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        stream = io.BytesIO()
        coarse.resize((160, 120), Image.Resampling.BICUBIC).save(stream, "JPEG", **options)
        contents.append(stream.getvalue())
    return contents


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A file with other bytes between its first and last marker."""
    changed = bytearray(content)
    at = int(rng.integers(2, len(changed) - 2))
    kind = rng.integers(3)
    if kind == 0:
        changed[at] = int(rng.integers(256))
    elif kind == 1:
        del changed[at : min(at + int(rng.integers(1, 40)), len(changed) - 2)]
    else:
        changed[at:at] = rng.bytes(int(rng.integers(1, 20)))
    return bytes(changed)


def agreement(file: PlainJpeg, square: torch.Tensor | None, preprocessing: Preprocessing) -> str:
    """What both did with a file."""
    try:
        expected = to_square(decode(file.content, "x.jpg"), SIZE, preprocessing)
    except UserError:
        return "refused by both" if square is None else "decoded by the device alone"
    if square is None:
        return "decoded by the CPU alone"
    distance = (square.cpu().float() - expected.float()).abs().mean().item()
    return "decoded by both, alike" if distance < FAR else "decoded by both, not alike"


if __name__ == "__main__":
    main()
