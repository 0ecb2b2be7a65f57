"""An operating point: from which probability of one class an image counts as that class.

The threshold is chosen on images that neither training nor the test set contains, so that what is measured on
the test set is an estimate for new images.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from attrgen.core.errors import UserError
from attrgen.core.files import write_text
from attrgen.core.names import did_you_mean
from attrgen.core.shell import command
from attrgen.core.validation import Strict, read_json
from attrgen.core.wording import counted
from vr.evaluation.binary_measures import measures
from vr.evaluation.calibration import model_id, probabilities
from vr.runs.predictions import Predictions
from vr.runs.run import OPERATING_POINT, read_config

TARGETS = ("sensitivity", "specificity")
_FEW = 20  # images of the class below which a threshold is hardly more than a guess
_ROUNDING = 1e-9  # probabilities that are nearer than this are equal
Floats = NDArray[np.float64]


class OperatingPoint(Strict):
    """`operating_point.json` of a run.

    An image counts as the class where the class's probability (softmax of the scores over the temperature) is
    at least the threshold.
    """

    format: Literal["operating-point/1"] = "operating-point/1"
    class_name: str
    target: Literal["sensitivity", "specificity"]
    value: float = Field(gt=0, le=1, description="what the target should at least be")
    threshold: float
    temperature: float = Field(gt=0)
    model: str = Field(description="SHA-256 of the trained model")
    images_from: str = Field(description="which images it was chosen on")
    images: int
    images_of_class: int
    reached: float = Field(description="the target on the images that it was chosen on")

    def flags(self, logits: Tensor, classes: tuple[str, ...]) -> NDArray[np.bool_]:
        """Which images (N,) count as the class, by their scores (N, C)."""
        label = classes.index(self.class_name)
        flagged: NDArray[np.bool_] = (
            probabilities(logits, self.temperature)[:, label].numpy() >= self.threshold
        )
        return flagged

    def measured(self, scored: Predictions) -> dict[str, Any]:
        """What `metrics.json` says of it; see `vr.evaluation.binary_measures.measures`."""
        positive = scored.labels.numpy() == scored.classes.index(self.class_name)
        flagged = self.flags(scored.logits, scored.classes)
        values = self.model_dump(mode="json", exclude={"format", "model"})
        return {**values, "sentence": self.sentence, **measures(flagged, positive, scored.groups)}

    @property
    def sentence(self) -> str:
        """What it is, and where it comes from."""
        few = f" Only {counted(self.images_of_class, 'image')} of it, so expect another value on new images."
        return (
            f"An image counts as '{self.class_name}' from a probability of {self.threshold:.4f}: chosen for "
            f"a {self.target} of {100 * self.value:g}% on {self.images} {self.images_from}, "
            f"{self.images_of_class} of the class ({100 * self.reached:.1f}% there)."
            f"{few if self.images_of_class < _FEW else ''}"
        )


def parse_target(words: str) -> tuple[Literal["sensitivity", "specificity"], float]:
    """`sensitivity=0.95` as its name and value.

    Raises:
        UserError: another name, or a value that is not in (0, 1].
    """
    name, _, number = words.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if name.strip() not in TARGETS or not 0 < value <= 1:
        raise UserError(
            f"--operating-point {words}: not sensitivity=VALUE or specificity=VALUE",
            code="operating-point-target",
            remedy="Write for instance --operating-point sensitivity=0.95.",
        )
    return ("sensitivity" if name.strip() == "sensitivity" else "specificity"), value


def check_class(name: str | None, classes: tuple[str, ...]) -> str:
    """The class that counts as positive; with two classes the second one by default.

    Raises:
        UserError: there is no such class, or none is named.
    """
    if name is None and len(classes) == 2:
        return classes[1]
    if name not in classes:
        what = "--operating-point needs --class" if name is None else f"there is no class '{name}'"
        near = "" if name is None else did_you_mean(name, classes)
        raise UserError(what, code="operating-point-class", remedy=near or f"Classes: {', '.join(classes)}.")
    return name


def choose(
    scored: Predictions,
    class_name: str,
    target: Literal["sensitivity", "specificity"],
    value: float,
    *,
    temperature: float,
    model: str,
    images_from: str,
) -> OperatingPoint:
    """The operating point that reaches a target on labelled images and is best in the other measure.

    The threshold is halfway between the last score that must count and its neighbour, so that rounding
    does not matter.

    Args:
        scored: images that neither training nor the test set contains.
        temperature: of the calibration, or 1.

    Raises:
        UserError: there is no image of the class, or of the others.
    """
    label = scored.classes.index(class_name)
    scores: Floats = probabilities(scored.logits, temperature)[:, label].numpy()
    positive = scored.labels.numpy() == label
    if not positive.any() or positive.all():
        missing = "other classes" if positive.all() else f"'{class_name}'"
        raise UserError(
            f"the {images_from} have no image of {missing}, so no threshold can be chosen",
            code="operating-point-no-images",
            remedy="Use --choose-on all, or a collection with more labelled images.",
        )
    threshold = (_for_sensitivity if target == "sensitivity" else _for_specificity)(scores, positive, value)
    hits = scores >= threshold
    reached = hits[positive].mean() if target == "sensitivity" else (~hits[~positive]).mean()
    return OperatingPoint(
        class_name=class_name,
        target=target,
        value=value,
        threshold=threshold,
        temperature=temperature,
        model=model,
        images_from=images_from,
        images=len(scores),
        images_of_class=int(positive.sum()),
        reached=float(reached),
    )


def _for_sensitivity(scores: Floats, positive: NDArray[np.bool_], value: float) -> float:
    """The largest threshold at which that share of positive images counts."""
    ordered = np.sort(scores[positive])[::-1]
    last = ordered[math.ceil(value * len(ordered) - _ROUNDING) - 1]
    below = scores[scores < last - _ROUNDING]
    return float((last + (below.max() if len(below) else 0.0)) / 2)


def _for_specificity(scores: Floats, positive: NDArray[np.bool_], value: float) -> float:
    """The smallest threshold below which that share of negative images is."""
    ordered = np.sort(scores[~positive])
    last = ordered[math.ceil(value * len(ordered) - _ROUNDING) - 1]
    above = scores[scores > last + _ROUNDING]
    # Probabilities end at 1; where some are 1, a threshold above it lets none count.
    return float((last + above.min()) / 2) if len(above) else float(np.nextafter(max(last, 1.0), 2.0))


def save(point: OperatingPoint, folder: Path) -> None:
    """Write `operating_point.json` into a run directory."""
    text = json.dumps(point.model_dump(mode="json"), indent=2, ensure_ascii=False)
    write_text(folder / OPERATING_POINT, text + "\n")


def load(folder: Path) -> OperatingPoint | None:
    """The operating point of a run directory, or None where there is none.

    Raises:
        UserError: it is damaged, of a model that has been trained again since, or of a class that the run has
            not.
    """
    file = folder / OPERATING_POINT
    if not file.is_file():
        return None
    remedy = f"Choose it again, see {command('vr', 'eval', '--help')}, or remove the file."
    point = read_json(OperatingPoint, file, what="operating point", code="operating-point", remedy=remedy)
    if point.model != model_id(folder):
        raise UserError(
            "it belongs to another model than the run's",
            code="operating-point-of-another-model",
            file=file,
            remedy=remedy,
        )
    if point.class_name not in read_config(folder).card.class_names:
        raise UserError(
            f"'{point.class_name}' is no class of the run",
            code="operating-point-unknown-class",
            file=file,
            remedy=remedy,
        )
    return point
