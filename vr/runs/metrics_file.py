"""`metrics.json` as it is read: what reports and tables rely on is checked, other keys pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from attrgen.core.wording import counted

_Count = Annotated[int, Field(ge=0, le=10**9)]
_Share = Annotated[float, Field(ge=0, le=1)]


class _Open(BaseModel):
    """A model with keys of newer and older releases besides its own."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)


class ClassMetrics(_Open):
    """The numbers of one class; None where one is not defined."""

    images: _Count
    recall: _Share | None
    precision: _Share | None
    f1: _Share | None
    auroc: _Share | None


class OracleMetrics(_Open):
    """The best accuracy on the test set, and its epoch."""

    accuracy: _Share
    epoch: int
    note: str


class Overall(_Open):
    """Metrics over all classes by key; None where one is not defined."""

    __pydantic_extra__: dict[str, float | None] = Field(init=False)
    accuracy: _Share


class MetricsFile(_Open):
    """The content of `metrics.json`."""

    split: str
    selected_epoch: int | None
    images: _Count
    overall: Overall
    intervals: dict[str, tuple[float, float]]
    per_class: dict[str, ClassMetrics]
    confusion_matrix: list[list[_Count]]
    oracle: OracleMetrics | None = None
    unreadable: int | None = None
    seen: int | None = None

    @model_validator(mode="after")
    def _one_row_per_class(self) -> MetricsFile:
        classes = len(self.per_class)
        if [len(row) for row in self.confusion_matrix] != [classes] * classes:
            raise ValueError(f"the confusion matrix does not have {classes} rows and columns, one per class")
        if "accuracy" not in self.intervals:
            raise ValueError("intervals lacks accuracy")
        return self


def seen_note(metrics: Mapping[str, Any]) -> str:
    """What was left out of a split, because it had trained the run."""
    images = counted(metrics["seen"], "image")
    return (
        f"Left out: {images} that trained this run, or of a group with such an image. The collection is not "
        "as it was at training"
    )
