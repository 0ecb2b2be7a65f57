"""The Python interface: `vr.load(run).predict(images)`.

import vr

model = vr.load("runs/busi/biomedvr/16-shot/seed-1")
for prediction in model.predict(["scan-1.png", "scan-2.png"]):
    print(prediction.label, f"{prediction.probability:.0%}")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from attrgen.core.errors import UserError
from vr.data.loading.unlabelled import GivenImages, ImageLike, UnlabelledFiles
from vr.evaluation import calibration as calibrations
from vr.evaluation.calibration import Calibration
from vr.inference.decision import Decision, Prediction, decision
from vr.inference.predict import predictions
from vr.runs import run as runs
from vr.runs.run import Run
from vr.runtime.memory import DEFAULT_BATCH

__all__ = ["Model", "Prediction", "load"]


def load(
    run: str | Path,
    *,
    device: str = "auto",
    precision: str | None = None,
    backbone: str | None = None,
    weights: str | None = None,
    calibrated: bool = True,
) -> Model:
    """Load a trained run, with its calibration where it has one.

    Args:
        run: a directory that `vr train` wrote.
        device: auto, cpu, cuda, cuda:1.
        precision: fp32, bf16 or auto; by default the run's own.
        backbone, weights: where the backbone is now, if not where the run found it.
        calibrated: False leaves probabilities as the model gives them, and never abstains.

    Raises:
        attrgen.core.errors.UserError: not a finished run, another backbone, or another run's calibration.
    """
    path = Path(run).expanduser()
    calibration = calibrations.load(path) if calibrated else None
    loaded = runs.load_run(path, backbone=backbone, weights=weights, device=device, precision=precision)
    return Model(loaded, calibration)


@dataclass(frozen=True)
class Model:
    """A trained run that predicts images.

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

            model.predict("scan.png")[0].label
            model.predict(Image.open("scan.png"))
            model.predict([array_1, array_2], sets=0.9)[1].set

        Args:
            images: paths (DICOM among them), PIL images, or uint8 arrays (H, W) or (H, W, 3), 0 to 255; an
                array (N, H, W, 3) is a list. For whole folders, and for more images than fit in memory,
                there is `vr predict`.
            threshold: abstain below this probability; by default the calibration's threshold.
            coverage: instead, the share of images to answer; needs a calibration.
            sets: also give sets of classes that hold the true one this often; needs a calibration.

        Returns:
            A prediction for each image, in their order: label, probability, probabilities, abstained, set.

        Raises:
            attrgen.core.errors.UserError: an image cannot be read, by name, or is of no such kind.
        """
        chosen = _as_list(images)
        rule = self.decision(threshold=threshold, coverage=coverage, sets=sets)
        window = self.run.card.images.window if self.run.card.images else None
        source = GivenImages(chosen, UnlabelledFiles(window))
        batches = predictions(self.run, rule, source, source.items(), batch_size=batch_size)
        found = [prediction for batch in batches for prediction in batch]
        return [
            replace(prediction, path=str(picture) if isinstance(picture, (str, Path)) else None)
            for prediction, picture in zip(found, chosen, strict=True)
        ]

    def decision(
        self, *, threshold: float | None = None, coverage: float | None = None, sets: float | None = None
    ) -> Decision:
        """How scores become predictions under these wishes; see `vr.inference.decision.decision`."""
        return decision(self.classes, self.calibration, threshold=threshold, coverage=coverage, sets=sets)


def _as_list(images: ImageLike | Sequence[ImageLike]) -> list[ImageLike]:
    import numpy as np
    from PIL import Image

    if isinstance(images, (str, Path)):
        if Path(images).is_dir():
            raise UserError(
                "is a folder",
                file=images,
                remedy="Give a list of its images, or use `vr predict`, which reads folders.",
            )
        return [images]
    if isinstance(images, Image.Image):
        return [images]
    if isinstance(images, np.ndarray):
        return list(images) if images.ndim == 4 else [images]
    return list(images)
