"""What calibration is worth on test images: ECE, selective accuracy, coverage and size of prediction sets.

    python tests/benchmarks/calibration.py RUN... [--data DIR] [--pool val|train|all] [--phantoms 200]
                                           [--resplits 200]

Nothing is written into the runs. The test images are those of each run's predictions.csv, apart from the fit.
With --phantoms N, a run on kidney-phantom is fitted on N newly drawn pictures a class, for its own val split
is small. With --resplits N, scored images of both splits are also divided at random N times: half to fit on,
half to measure on, which tells chance from fault where a single split is small.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import torch

from vr.data.sources import open_source
from vr.evaluation import calibration as calibrations
from vr.evaluation import calibration_assessment
from vr.evaluation.calibrate_run import unseen_items
from vr.evaluation.conformal import Score, likely_coverage
from vr.evaluation.evaluation import evaluate
from vr.runs import predictions
from vr.runs import run as runs
from vr.runs.predictions import Predictions
from vr.runs.run import Run
from vr.runtime.device import resolve_device

PHANTOM = "kidney-phantom"


def drawn_phantoms(run: Run, count: int) -> Predictions:
    """Scores of pictures `count` a class that no split of the dataset holds."""
    from PIL import Image

    from vr.phantom.dataset import PER_CLASS, picture_of

    with tempfile.TemporaryDirectory() as temporary:
        for label, entry in enumerate(run.card.classes):
            folder = Path(temporary) / "val" / entry.folder
            folder.mkdir(parents=True)
            for number in range(PER_CLASS["val"], PER_CLASS["val"] + count):
                picture = picture_of("val", label, entry.name, number).picture
                Image.fromarray(picture).save(folder / f"{number:05d}.png")
        source = open_source(run.card, Path(temporary), format="folder")
        return evaluate(run.method, source, source.splits["val"])


def pool_of(run: Run, options: argparse.Namespace) -> tuple[Predictions, str]:
    if options.phantoms and run.card.name == PHANTOM:
        return drawn_phantoms(run, options.phantoms), "newly drawn pictures"
    where = options.data or (Path(run.config.data) if run.config.data else None)
    source = open_source(run.card, where, format=run.config.data_format)
    items = unseen_items(run, source, options.pool)
    return evaluate(run.method, source, items), f"{options.pool} images that training did not see"


def fit(actual: Predictions, score: Score) -> calibrations.Calibration:
    return calibrations.fit(actual, model="", images_from="", coverage=0.8, score=score)[0]


def rows(actual: Predictions, order: torch.Tensor, part: slice) -> Predictions:
    chosen = order[part].tolist()
    # The path decides which half of the fit an image falls into, so that it must be its own.
    paths = tuple(f"{place}-{actual.paths[place]}" for place in chosen)
    return Predictions(actual.classes, paths, actual.labels[chosen], actual.logits[chosen])


def joined(one: Predictions, other: Predictions) -> Predictions:
    labels, logits = torch.cat([one.labels, other.labels]), torch.cat([one.logits, other.logits])
    return Predictions(one.classes, (*one.paths, *other.paths), labels, logits)


def resplit(actual: Predictions, score: Score, times: int) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(0)
    half = len(actual.paths) // 2
    measured = []
    for _ in range(times):
        order = torch.randperm(len(actual.paths), generator=generator)
        fitted = fit(rows(actual, order, slice(half)), score)
        measured.append(calibration_assessment.assess(rows(actual, order, slice(half, None)), fitted))
    return measured


def ece_of_chance(actual: Predictions, temperature: float, draws: int = 100) -> float:
    """The ECE that so few images show even where labels are drawn from the probabilities themselves."""
    generator = torch.Generator().manual_seed(0)
    chances = calibrations.probabilities(actual.logits, temperature)
    values = []
    for _ in range(draws):
        labels = torch.multinomial(chances, 1, generator=generator)[:, 0]
        drawn = Predictions(actual.classes, actual.paths, labels, actual.logits)
        values.append(calibrations.quality(drawn, temperature).ece_after)
    return mean(values)


def mean(values: Iterable[float]) -> float:
    kept = list(values)
    return sum(kept) / len(kept)


def report(path: Path, options: argparse.Namespace) -> None:
    run = runs.load_run(path, device=resolve_device(options.device))
    test = predictions.load(path / runs.PREDICTIONS)
    pool, words = pool_of(run, options)
    print(f"\n{path}: {run.config.method} on {run.card.title}, {run.config.backbone.name}")
    print(f"  fitted on {len(pool.paths)} {words}, measured on {len(test.paths)} test images")
    for score in get_args(Score):
        fitted = fit(pool, score)
        actual = calibration_assessment.assess(test, fitted)
        low, high = likely_coverage(fitted.held_out.images, 0.9)
        if score == "lac":
            print(f"  temperature {fitted.temperature:.3g}")
            least = ece_of_chance(test, fitted.temperature)
            print(
                f"  ECE {actual['ece_before']:.1%} -> {actual['ece_after']:.1%} "
                f"({least:.1%} if all probabilities "
                f"were true), NLL {actual['nll_before']:.3f} -> {actual['nll_after']:.3f}"
            )
            print(
                f"  accuracy {actual['accuracy']:.1%}; of the {actual['answered']:.1%} answered "
                f"{actual['selective_accuracy']:.1%}"
            )
        print(
            f"  {score} sets asked for 90%: {actual['sets_coverage']:.1%} covered, mean size "
            f"{actual['sets_size']:.2f} (chance alone: {low:.0%} to {high:.0%})"
        )
        if options.resplits:
            many = resplit(joined(pool, test), score, options.resplits)
            covered = [each["sets_coverage"] for each in many]
            print(
                f"    {options.resplits} random halves on average: covered {mean(covered):.1%}, 87 to 93% in "
                f"{mean(0.87 <= each <= 0.93 for each in covered):.0%}, "
                f"size {mean(each['sets_size'] for each in many):.2f}, "
                f"ECE {mean(each['ece_before'] for each in many):.1%} -> "
                f"{mean(each['ece_after'] for each in many):.1%}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--pool", default="val", choices=("val", "train", "all"))
    parser.add_argument("--phantoms", type=int, default=0)
    parser.add_argument("--resplits", type=int, default=0)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    for path in options.runs:
        report(path, options)


if __name__ == "__main__":
    main()
