"""Stage 2: attribute set and images in; trained programs, metrics and reports out.

import vr

model = vr.train("my-images/", method="linear-probe", backbone="mini", shots=4)
model.predict("scan.png")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vr.api import (
        Dataset,
        Explanation,
        Metrics,
        Model,
        Prediction,
        UserError,
        evaluate,
        explain,
        load,
        open_dataset,
        predict,
        train,
    )

__all__ = [
    "Dataset",
    "Explanation",
    "Metrics",
    "Model",
    "Prediction",
    "UserError",
    "evaluate",
    "explain",
    "load",
    "open_dataset",
    "predict",
    "train",
]


def __dir__() -> list[str]:
    return [*__all__]


def __getattr__(name: str) -> object:
    # torch takes seconds to import, and `vr --help` needs none of it.
    if name in __all__:
        from vr import api

        return getattr(api, name)
    raise AttributeError(f"module 'vr' has no attribute '{name}'")
