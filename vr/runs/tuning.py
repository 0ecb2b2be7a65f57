"""How the settings of a run were chosen by `vr tune`."""

from __future__ import annotations

from typing import Literal

from attrgen.core.validation import Frozen

By = Literal["folds", "val"]


class TuningRecord(Frozen):
    """The part of `config.json` that says so.

    Attributes:
        by: cross-validation on the training images, or the validation images.
        folds: of the cross-validation.
        trials: budget: settings that were tried, the defaults among them.
        space: the settings that were tuned, in words: `0.4 to 4000`, `add|subtract`.
        accuracy: of the chosen settings, on the images that were held out.
        default_accuracy: of the defaults, likewise.
    """

    by: By
    folds: int | None
    trials: int
    space: dict[str, str]
    accuracy: float
    default_accuracy: float
