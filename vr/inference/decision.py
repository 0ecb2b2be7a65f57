"""From scores to a prediction: calibrated probabilities, abstention, and a set of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from attrgen.core import html
from attrgen.core.errors import UserError
from attrgen.core.shell import command
from vr.evaluation import conformal
from vr.evaluation.calibration import Calibration, probabilities
from vr.evaluation.operating_point import OperatingPoint
from vr.runs.predictions import checked
from vr.runs.run import CALIBRATION


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one image.

    Attributes:
        path: the image's file; None where it came from memory.
        label: the most probable class.
        probability: of that class, in [0, 1]: the confidence.
        probabilities: of every class, by name; they sum to 1.
        abstained: whether the confidence is below the threshold, so that a person should decide.
        set: classes that together hold the true one as often as requested, the most probable first; empty
            where no class fits; None where no sets were requested.
        flagged: whether it counts as the class of the run's operating point; None where there is none.
    """

    path: str | None
    label: str
    probability: float
    probabilities: Mapping[str, float]
    abstained: bool
    set: tuple[str, ...] | None
    flagged: bool | None = None

    def __repr__(self) -> str:
        name = "image" if self.path is None else Path(self.path).name
        return f"Prediction({name}: {self.label} ({100 * self.probability:.1f}%){self._note()})"

    def _repr_html_(self) -> str:
        ranked = sorted(self.probabilities.items(), key=lambda pair: -pair[1])
        rows = [(name, f"{100 * probability:.1f}%") for name, probability in ranked]
        title = ("image" if self.path is None else self.path) + self._note()
        return html.table(("class", "probability"), rows, caption=title)

    def _note(self) -> str:
        inside = "" if self.set is None else f", set: {', '.join(self.set) or 'empty'}"
        flagged = ", flagged" if self.flagged else ""
        return (", abstained" if self.abstained else "") + inside + flagged


@dataclass(frozen=True)
class Decision:
    """How scores are turned into predictions. Without a calibration: plain softmax, and no abstention.

    Attributes:
        classes: names in label order.
        temperature: scores are divided by it.
        threshold: below this probability the model abstains.
        set_limit, set_score: of `conformal.prediction_sets`; a limit of None makes no sets.
        point: the run's operating point; None flags no image.
    """

    classes: tuple[str, ...]
    temperature: float = 1.0
    threshold: float = 0.0
    set_limit: float | None = None
    set_score: conformal.Score = "lac"
    point: OperatingPoint | None = None

    def predict(self, logits: Tensor, paths: Sequence[str | None]) -> list[Prediction]:
        """Predictions of images, from their scores (N, C) and files.

        Raises:
            UserError: scores are not finite, or of more or fewer classes.
        """
        logits = checked(logits.cpu(), self.classes)
        chances = probabilities(logits, self.temperature)
        order = chances.argsort(dim=1, descending=True, stable=True).tolist()
        members = None
        if self.set_limit is not None:
            members = conformal.prediction_sets(chances, self.set_limit, self.set_score).tolist()
        flags = None if self.point is None else self.point.flags(logits, self.classes).tolist()
        results = []
        for row, (path, values) in enumerate(zip(paths, chances.tolist(), strict=True)):
            best = order[row][0]
            inside = None
            if members is not None:
                inside = tuple(self.classes[label] for label in order[row] if members[row][label])
            results.append(
                Prediction(
                    path=path,
                    label=self.classes[best],
                    probability=values[best],
                    probabilities=dict(zip(self.classes, values, strict=True)),
                    abstained=values[best] < self.threshold,
                    set=inside,
                    flagged=None if flags is None else flags[row],
                )
            )
        return results


def decision(
    classes: tuple[str, ...],
    calibration: Calibration | None,
    *,
    threshold: float | None = None,
    coverage: float | None = None,
    sets: float | None = None,
    point: OperatingPoint | None = None,
    run: Path | None = None,
) -> Decision:
    """The decision that follows from a calibration and what a user requests.

    Args:
        threshold: abstain below this probability; by default the calibration's own threshold.
        coverage: instead, the share of images to answer, looked up in the calibration.
        sets: share of images whose set must hold the true class.
        point: the run's operating point, where it has one.
        run: the run directory, for messages.

    Raises:
        UserError: a value out of range, or a request that needs a calibration where there is none.
    """
    _check_threshold(threshold, coverage)
    if calibration is None:
        for name, value in (("--coverage", coverage), ("--sets", sets)):
            if value is not None and run is not None and (run / CALIBRATION).is_file():
                raise UserError(
                    f"{name} {value:g} needs the run's calibration, and raw probabilities leave it out",
                    code="predict-raw-and-calibration",
                    remedy="Leave out --raw (in Python: calibrated=False).",
                )
            if value is not None:
                raise UserError(
                    f"{name} {value:g} needs a calibration, and the run has none",
                    code="predict-no-calibration",
                    remedy=f"Fit it first: {command('vr', 'calibrate', run or '--help')}.",
                )
        return Decision(classes, threshold=threshold or 0.0, point=point)
    if threshold is None:
        threshold = calibration.threshold if coverage is None else calibration.threshold_for(coverage, run)
    return Decision(
        classes,
        temperature=calibration.temperature,
        threshold=threshold,
        set_limit=None if sets is None else calibration.set_limit_for(sets),
        set_score=calibration.set_score,
        point=point,
    )


def _check_threshold(threshold: float | None, coverage: float | None) -> None:
    if threshold is not None and coverage is not None:
        raise UserError(
            "--threshold and --coverage exclude each other",
            code="predict-threshold-or-coverage",
            remedy="Give one of them.",
        )
    if threshold is not None and not 0 <= threshold <= 1:
        raise UserError(
            f"the threshold {threshold:g} is not a probability",
            code="predict-threshold-range",
            remedy="Use a value from 0 to 1.",
        )
