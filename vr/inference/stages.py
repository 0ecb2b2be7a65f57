"""How fast each stage of a prediction is, and which of them limits it: decoding, or the model."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from attrgen.core.errors import UserError
from vr.data.loading.parallel import ordered_map
from vr.evaluation.evaluation import fused_scores
from vr.inference.decision import Decision
from vr.inference.predictor import Predictor
from vr.runs.run import Run
from vr.runtime.device import moved

_FILES = 16  # different ones, read again and again: they are in the memory of the operating system
_SECONDS = 2.0  # at least, per stage


@dataclass(frozen=True)
class Rates:
    """Images per second of each stage on JPEG files of `side` pixels, with `workers` threads that decode.

    Attributes:
        decoding_alone: of one thread, decoding and resizing.
        decoding: of all threads.
        reduced: of all threads, where JPEG files are decoded at a reduced size.
        scoring: of the model, in batches.
        prediction: of the whole, which overlaps decoding and scoring.
        on_gpu: decoding on the GPU, with all threads; None where there is none, or it cannot decode.
        prediction_on_gpu: of the whole, where the GPU decodes and scores in turn.
    """

    side: int
    workers: int
    decoding_alone: float
    decoding: float
    reduced: float
    scoring: float
    prediction: float
    on_gpu: float | None = None
    prediction_on_gpu: float | None = None

    @property
    def limit(self) -> str:
        """The slower stage, and what helps."""
        if self.scoring < self.decoding:
            return "The model limits: use a GPU, --precision bf16, or more machines."
        gpu = ""
        if self.on_gpu is not None and (self.prediction_on_gpu or 0) > self.prediction:
            slower = "the model" if self.scoring < self.on_gpu else "decoding"
            gpu = f" --decode gpu ({slower} limits then),"
        more = "use more --workers (if there are cores), --reduced-jpeg,"
        return f"Decoding limits: {more}{gpu} or more machines."

    def lines(self) -> list[str]:
        """The rates as a table of text."""
        rates = {
            "decoding, 1 thread": self.decoding_alone,
            f"decoding, {self.workers} threads": self.decoding,
            "  with --reduced-jpeg": self.reduced,
            "scoring": self.scoring,
            "prediction": self.prediction,
        }
        if self.on_gpu is not None and self.prediction_on_gpu is not None:
            rates |= {
                "decoding, --decode gpu": self.on_gpu,
                "prediction, --decode gpu": self.prediction_on_gpu,
            }
        head = f"images per second, JPEG files of {self.side} by {self.side} pixels"
        return [head, *(f"{name:<26}{rate:>10,.0f}" for name, rate in rates.items()), self.limit]


def measure(run: Run, *, side: int = 512, workers: int = 4) -> Rates:
    """The rates of a run on this machine."""
    decision = Decision(run.card.class_names)
    with tempfile.TemporaryDirectory() as folder:
        paths = _drawn(Path(folder), side)
        plain = Predictor.of(run, decision, batch_size=None, workers=workers)
        reduced = Predictor.of(run, decision, batch_size=None, workers=workers, jpeg="reduced")
        gpu = _gpu_predictor(run, decision, workers)
        return Rates(
            side=side,
            workers=workers,
            decoding_alone=_decoding(plain, paths, 1),
            decoding=_decoding(plain, paths, workers),
            reduced=_decoding(reduced, paths, workers),
            scoring=_scoring(plain),
            prediction=_whole(plain, paths),
            on_gpu=None if gpu is None else _decoding(gpu, paths, workers),
            prediction_on_gpu=None if gpu is None else _whole(gpu, paths),
        )


def _gpu_predictor(run: Run, decision: Decision, workers: int) -> Predictor | None:
    """A predictor that decodes on the GPU; None where that is not possible."""
    try:
        return Predictor.of(run, decision, batch_size=None, workers=workers, jpeg="gpu")
    except UserError:
        return None


def _drawn(folder: Path, side: int) -> list[str]:
    """JPEG files of smooth shapes with some noise, which compress as photographs do."""
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.jpg" for number in range(_FILES)]
    for path in paths:
        small = Image.fromarray(rng.integers(0, 256, (side // 16, side // 16, 3), dtype=np.uint8))
        pixels = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = np.clip(pixels + rng.integers(-8, 9, pixels.shape), 0, 255).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(noisy).save(stream, "JPEG", quality=90)
        path.write_bytes(stream.getvalue())
    return list(map(str, paths))


def _decoding(predictor: Predictor, paths: list[str], workers: int) -> float:
    device = predictor.run.method.context.backbone.device
    count = max(4 * _FILES, predictor.batch_size)

    def some() -> int:
        reading = ordered_map(predictor.squares.read, islice(cycle(paths), count), workers=workers)
        images = predictor.squares.finished(list(reading))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return len(images)

    return _rate(some)


def _scoring(predictor: Predictor) -> float:
    method = predictor.run.method.eval()
    device = method.context.backbone.device
    size = method.image_size
    images = torch.randint(0, 256, (predictor.batch_size, 3, size, size), dtype=torch.uint8)

    def batch() -> int:
        with torch.inference_mode():
            fused_scores(method, moved(images, device)).cpu()  # waits for the device
        return len(images)

    return _rate(batch)


def _whole(predictor: Predictor, paths: list[str]) -> float:
    def listed() -> Iterator[str]:
        return islice(cycle(paths), 2 * predictor.batch_size)

    def some() -> int:
        return sum(len(rows) for _, rows in predictor.rows(predictor.blocks(listed())))

    return _rate(some)


def _rate(work: Callable[[], int]) -> float:
    """Images per second of a function that returns how many it did; the first call warms up."""
    work()
    began, images = time.perf_counter(), 0
    while not images or time.perf_counter() - began < _SECONDS:
        images += work()
    return images / (time.perf_counter() - began)
