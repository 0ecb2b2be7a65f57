"""`vr eval --operating-point`: choose the threshold of a class on images that training did not see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from vr.data.formats.source import ImageSource
from vr.evaluation import calibration as calibrations
from vr.evaluation import operating_point as points
from vr.evaluation.calibrate_run import DESCRIPTIONS, Pool, unseen_items
from vr.evaluation.evaluation import evaluate
from vr.evaluation.operating_point import OperatingPoint
from vr.runs.run import Run


def choose_operating_point(
    run: Run,
    source: ImageSource,
    class_name: str,
    target: Literal["sensitivity", "specificity"],
    value: float,
    *,
    pool: Pool | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> OperatingPoint:
    """Choose an operating point on labelled images that training did not see, and write it into the run.

    Probabilities are those after calibration, where the run has one.

    Args:
        pool: which images; by default those of the val split, or of train where there is no val split.

    Raises:
        UserError: no image of the class or of the others among them, or one cannot be read.
    """
    chosen: Pool = pool or ("val" if source.splits.get("val") else "train")
    scored = evaluate(run.method, source, unseen_items(run, source, chosen), progress=progress)
    calibration = calibrations.load(run.path)
    point = points.choose(
        scored,
        class_name,
        target,
        value,
        temperature=1.0 if calibration is None else calibration.temperature,
        model=calibrations.model_id(run.path),
        images_from=DESCRIPTIONS[chosen],
    )
    points.save(point, run.path)
    return point
