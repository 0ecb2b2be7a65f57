"""A trained run in Python: load it, predict with it, explain and evaluate it.

import vr

model = vr.load("runs/busi/biomedvr/16-shot/seed-1")
for prediction in model.predict(["scan-1.png", "scan-2.png"]):
    print(prediction.label, f"{prediction.probability:.0%}")
"""

from __future__ import annotations

import builtins
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import IOBase
from pathlib import Path

from attrgen.core import html
from attrgen.core.arguments import checked
from attrgen.core.errors import UserError
from attrgen.core.files import expanded
from attrgen.core.shell import command
from vr.api.metrics import Metrics
from vr.data.loading.unlabelled import GivenImages, ImageLike, UnlabelledFiles
from vr.evaluation import calibration as calibrations
from vr.evaluation import operating_point as operating_points
from vr.evaluation.calibration import Calibration
from vr.evaluation.choose_operating_point import choose_operating_point
from vr.evaluation.evaluation import evaluate_run
from vr.evaluation.operating_point import check_class, parse_target
from vr.explanation.explanation import Explanation, explain_items
from vr.inference.decision import Decision, Prediction, decision
from vr.inference.predict import predictions
from vr.runs import run as runs
from vr.runs.images import open_images
from vr.runs.run import Run, RunConfig
from vr.runtime.memory import DEFAULT_BATCH


@checked
def load(
    run: str | Path,
    *,
    device: str = "auto",
    precision: str | None = None,
    backbone: str | None = None,
    weights: str | None = None,
    calibrated: bool = True,
    say: Callable[[str], None] | None = None,
) -> Model:
    """Load a trained run, with its calibration where it has one.

    Example:
        model = vr.load("runs/busi/biomedvr/16-shot/seed-1")
        model.classes

    Args:
        run: a directory that `vr train` wrote.
        device: auto, cpu, cuda, cuda:1.
        precision: fp32, bf16 or auto; by default the run's own.
        backbone, weights: where the backbone is now, if not where the run found it.
        calibrated: False leaves probabilities as the model gives them, and never abstains.
        say: called with one line on what is loaded; by default it is printed in a notebook or an interactive
            session, and not in a program.

    Raises:
        UserError: not a finished run, another backbone, or another run's calibration.
    """
    path = expanded(run)
    calibration = calibrations.load(path) if calibrated else None
    (say or _say)(_line(runs.trained_config(path), backbone))
    loaded = runs.load_run(path, backbone=backbone, weights=weights, device=device, precision=precision)
    return Model(loaded, calibration)


def _line(config: RunConfig, backbone: str | None) -> str:
    return (
        f"loading {config.method} on {config.card.name}: {len(config.card.classes)} classes, {config.shots} "
        f"shots, seed {config.seed}; backbone {backbone or config.backbone.name}"
    )


def _say(line: str) -> None:
    if hasattr(builtins, "__IPYTHON__") or hasattr(sys, "ps1"):
        print(line)


@dataclass(frozen=True, repr=False)
class Model:
    """A trained run that predicts, explains and is evaluated.

    Attributes:
        run: directory, configuration and method.
        calibration: temperature, threshold and sets, or None.
    """

    run: Run
    calibration: Calibration | None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in label order."""
        return self.run.card.class_names

    @property
    def metrics(self) -> Metrics:
        """What the run measured on the test set after training.

        Raises:
            UserError: the run was not evaluated.
        """
        return Metrics(runs.read_metrics(self.run.path))

    @checked
    def predict(
        self,
        images: ImageLike | Sequence[ImageLike],
        *,
        threshold: float | None = None,
        coverage: float | None = None,
        sets: float | None = None,
        batch_size: int = DEFAULT_BATCH,
    ) -> list[Prediction]:
        """Predict images: one, or a list of them.

        Example:
            model = vr.load("runs/busi/biomedvr/16-shot/seed-1")
            model.predict("scan.png")[0].label
            model.predict([Image.open("scan.png"), numpy.zeros((64, 64), "uint8")])[1].probabilities

        Args:
            images: paths (DICOM among them), PIL images, or uint8 arrays (H, W) or (H, W, 3), 0 to 255; an
                array (N, H, W, 3) is a list. For whole folders, and for more images than fit in memory,
                there is `vr predict`.
            threshold: abstain below this probability; by default the calibration's threshold.
            coverage: instead, the share of images to answer; needs a calibration.
            sets: also give sets of classes that hold the true one this often; needs a calibration.

        Returns:
            A prediction for each image, in their order: label, probability, probabilities, abstained, set;
            flagged, where the run has an operating point.

        Raises:
            UserError: an image cannot be read, by name, or is of no such kind.
        """
        given = _as_list(images, self.run.path)
        rule = self.decision(threshold=threshold, coverage=coverage, sets=sets)
        source = self._source(given)
        batches = predictions(self.run, rule, source, source.items(), batch_size=batch_size)
        predicted = [prediction for batch in batches for prediction in batch]
        _warn(source)
        return [
            replace(prediction, path=str(image) if isinstance(image, (str, Path)) else None)
            for prediction, image in zip(predicted, given, strict=True)
        ]

    @checked
    def explain(
        self, images: ImageLike | Sequence[ImageLike], *, grid: int | None = None
    ) -> list[Explanation]:
        """Explain predictions by the texts that contribute to each class's score.

        Example:
            model = vr.load("runs/busi/biomedvr/16-shot/seed-1")
            best = model.explain("scan.png")[0].classes[0]
            best.name, best.probability

        Args:
            images: as for `predict`.
            grid: also make occlusion maps of so many cells per side, which shows where the model looks.

        Raises:
            UserError: an image cannot be read; the method does not score by texts, and no map is asked for.
        """
        given = _as_list(images, self.run.path)
        source = self._source(given)
        explained = explain_items(
            self.run,
            source,
            list(source.items()),
            grid=grid,
            calibration=self.calibration,
            point=operating_points.load(self.run.path),
        )
        _warn(source)
        names = [
            str(image) if isinstance(image, (str, Path)) else f"image {n}" for n, image in enumerate(given)
        ]
        return [replace(one, image=name) for one, name in zip(explained, names, strict=True)]

    @checked
    def evaluate(
        self,
        *,
        split: str = "test",
        data: str | Path | None = None,
        data_format: str | None = None,
        out: str | Path | None = None,
        operating_point: str | None = None,
        class_name: str | None = None,
    ) -> Metrics:
        """Measure the run on a split, and write metrics.json and predictions.csv as `vr eval` does.

        Example:
            model = vr.load("runs/busi/biomedvr/16-shot/seed-1")
            model.evaluate(split="val").accuracy

        Args:
            split: train, val or test.
            data, data_format: where the collection is now; by default where the run found it.
            out: folder of the files; by default the run's, or its folder SPLIT if not test.
            operating_point: first choose, on images that training did not see, the probability from which an
                image counts as `class_name`: "sensitivity=0.95" or "specificity=0.9".

        Raises:
            UserError: there is no such split, class or target, or an image cannot be read.
        """
        source = open_images(self.run.config, None if data is None else Path(data), data_format)
        if operating_point is not None:
            target, value = parse_target(operating_point)
            choose_operating_point(self.run, source, check_class(class_name, self.classes), target, value)
        folder = Path(out) if out else (self.run.path if split == "test" else self.run.path / split)
        return Metrics(evaluate_run(self.run, source, split=split, out=folder, renamed=data is not None))

    def decision(
        self, *, threshold: float | None = None, coverage: float | None = None, sets: float | None = None
    ) -> Decision:
        """How scores become predictions under these wishes; see `vr.inference.decision.decision`."""
        return decision(
            self.classes,
            self.calibration,
            threshold=threshold,
            coverage=coverage,
            sets=sets,
            point=operating_points.load(self.run.path),
            run=self.run.path,
        )

    def _source(self, images: Sequence[ImageLike]) -> GivenImages:
        return GivenImages(images, UnlabelledFiles.of(self.run.card))

    def __repr__(self) -> str:
        config = self.run.config
        return (
            f"Model({config.method} on {config.card.name}: {len(self.classes)} classes, "
            f"{config.shots} shots, seed {config.seed})"
        )

    def _repr_html_(self) -> str:
        config = self.run.config
        rows = {
            "dataset": config.card.title,
            "classes": ", ".join(self.classes),
            "few-shot sample": f"{config.shots} per class, seed {config.seed}",
            "backbone": config.backbone.name,
            "calibrated": "no" if self.calibration is None else "yes",
            "run": self.run.path,
        }
        return html.table(("", ""), rows.items(), caption=f"Model: {config.method}")


@checked
def predict(
    run: str | Path | Model,
    images: ImageLike | Sequence[ImageLike],
    *,
    threshold: float | None = None,
    coverage: float | None = None,
    sets: float | None = None,
    batch_size: int = DEFAULT_BATCH,
) -> list[Prediction]:
    """Predict images with a run; see `Model.predict`. For many calls, `load` the run once.

    Example:
        vr.predict("runs/busi/biomedvr/16-shot/seed-1", "scan.png")[0].label
    """
    return _model(run).predict(
        images, threshold=threshold, coverage=coverage, sets=sets, batch_size=batch_size
    )


@checked
def explain(
    run: str | Path | Model, images: ImageLike | Sequence[ImageLike], *, grid: int | None = None
) -> list[Explanation]:
    """Explain predictions of a run; see `Model.explain`.

    Example:
        vr.explain("runs/busi/biomedvr/16-shot/seed-1", "scan.png")[0].title
    """
    return _model(run).explain(images, grid=grid)


@checked
def evaluate(
    run: str | Path | Model,
    *,
    split: str = "test",
    data: str | Path | None = None,
    data_format: str | None = None,
    out: str | Path | None = None,
) -> Metrics:
    """Measure a run on a split, and write metrics.json and predictions.csv; see `Model.evaluate`.

    Example:
        vr.evaluate("runs/busi/biomedvr/16-shot/seed-1").accuracy
    """
    return _model(run).evaluate(split=split, data=data, data_format=data_format, out=out)


def _model(run: str | Path | Model) -> Model:
    return run if isinstance(run, Model) else load(run)


def _warn(source: GivenImages) -> None:
    """Warn of what a command would print as a note."""
    for sentence in source.files.own_scale.sentences():
        warnings.warn(sentence, stacklevel=4)  # the line that calls `predict` or `explain`


def _as_list(images: ImageLike | Sequence[ImageLike], run: Path) -> list[ImageLike]:
    import numpy as np
    from PIL import Image

    if isinstance(images, (str, Path)):
        if Path(images).is_dir():
            raise UserError(
                "is a folder",
                code="image-is-a-folder",
                file=images,
                remedy=f"Give a list of its images, or run {command('vr', 'predict', run, images)}.",
            )
        return [images]
    if isinstance(images, Image.Image):
        return [images]
    if isinstance(images, np.ndarray):
        return list(images) if images.ndim == 4 else [images]
    if not isinstance(images, Iterable) or isinstance(images, (bytes, Mapping, IOBase)):
        raise UserError(
            f"images is a {type(images).__name__}",
            code="images-wrong-type",
            remedy="Give a path, a PIL image, a uint8 array, or a list of these.",
        )
    return list(images)
