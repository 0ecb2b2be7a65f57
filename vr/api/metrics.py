"""What a run measured on one split, as `vr.evaluate` returns it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attrgen.core import html


@dataclass(frozen=True, repr=False)
class Metrics:
    """Metrics of a run on a split.

    Attributes:
        values: the content of `metrics.json`: `overall`, `intervals`, `per_class`, `confusion_matrix`, …
    """

    values: Mapping[str, Any]

    @property
    def split(self) -> str:
        """train, val or test."""
        return str(self.values["split"])

    @property
    def images(self) -> int:
        """Number of images."""
        return int(self.values["images"])

    @property
    def accuracy(self) -> float:
        """Share of images whose class is predicted, in [0, 1]."""
        return float(self.values["overall"]["accuracy"])

    @property
    def overall(self) -> Mapping[str, float | None]:
        """Metrics over all classes by name; None where one is not defined."""
        overall: Mapping[str, float | None] = self.values["overall"]
        return overall

    @property
    def per_class(self) -> Mapping[str, Mapping[str, float | None]]:
        """By class name: images, recall, precision, f1, auroc; None where one is not defined."""
        per_class: Mapping[str, Mapping[str, float | None]] = self.values["per_class"]
        return per_class

    def interval(self, metric: str) -> tuple[float, float] | None:
        """95% bootstrap interval of a metric of `overall`; None where there is none."""
        bounds = self.values["intervals"].get(metric)
        return None if bounds is None else (bounds[0], bounds[1])

    def __repr__(self) -> str:
        return f"Metrics({self.split}: {self.images} images, accuracy {100 * self.accuracy:.1f}%)"

    def _repr_html_(self) -> str:
        rows = []
        for name, value in self.overall.items():
            bounds = self.interval(name)
            shown = "" if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"
            rows.append((name.replace("_", " "), "not defined" if value is None else f"{value:.3f}", shown))
        columns = ("metric", "value", "95% interval")
        return html.table(columns, rows, caption=f"{self.split}: {self.images} images")
