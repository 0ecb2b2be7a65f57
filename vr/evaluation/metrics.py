"""The metrics: one entry each says how it is computed, shown and compared; everything else is derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attrgen.core.errors import UserError

if TYPE_CHECKING:  # the command line lists metrics without loading torch
    from vr.evaluation.measurement import Counts, Scored

ECE_BINS = 15
HEADLINE = "accuracy"


@dataclass(frozen=True)
class Metric:
    """One number that says how good predictions are.

    Attributes:
        key: as in `metrics.json` and on the command line.
        title: as tables and pages name it.
        compute: its value from scored images; NaN where it is not defined. None: noted during training.
        resampled: its values (R,) from resampled confusion matrices, for the bootstrap interval, where a
            confusion matrix determines it.
        long_title: in full; by default the title.
        note: what it is, in a few words.
        percent: whether it is a share in [0, 1], shown in percent.
        higher_is_better: the direction.
        by_class: which of `CLASS_METRICS` is its number of one class.
    """

    key: str
    title: str
    compute: Callable[[Scored], float] | None
    resampled: Callable[[Counts], Any] | None = None
    long_title: str = ""
    note: str = ""
    percent: bool = True
    higher_is_better: bool = True
    by_class: str | None = None

    @property
    def name(self) -> str:
        """The long title."""
        return self.long_title or self.title

    @property
    def scale(self) -> float:
        """What a value is multiplied by to be shown: 100 for percent, else 1."""
        return 100.0 if self.percent else 1.0

    def number(self, value: float) -> str:
        """A value without its unit: `56.6`, `1.096`."""
        return f"{100 * value:.1f}" if self.percent else f"{value:.3f}"

    def text(self, value: float | None) -> str:
        """A value with its unit: `56.6%`, `1.096`; `not defined` where there is none."""
        if value is None:
            return "not defined"
        return f"{self.number(value)}%" if self.percent else self.number(value)

    def read(self, metrics: Mapping[str, Any]) -> float | None:
        """Its value in the content of a `metrics.json`; None where it is not there or not defined."""
        value = metrics["overall"].get(self.key)
        return None if value is None else float(value)

    def best(self, values: list[float]) -> float | None:
        """The best of some values; None where there is none."""
        if not values:
            return None
        return max(values) if self.higher_is_better else min(values)


class _Oracle(Metric):
    """The test accuracy of the epoch that is best on the test set."""

    def read(self, metrics: Mapping[str, Any]) -> float | None:
        oracle = metrics.get("oracle")
        return None if oracle is None else float(oracle["accuracy"])


class _Macro(Metric):
    """A mean over the classes that have it, from what `metrics.json` says per class."""

    def read(self, metrics: Mapping[str, Any]) -> float | None:
        values = [value for value in read_class_metric(self.key, metrics).values() if value is not None]
        return sum(values) / len(values) if values else None


def _of_class(key: str) -> Callable[[Mapping[str, Any]], dict[str, float | None]]:
    return lambda metrics: {name: values.get(key) for name, values in metrics["per_class"].items()}


def _specificity(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """Of the images of the other classes, the share that is not taken for the class."""
    matrix = metrics.get("confusion_matrix") or []
    total, values = sum(map(sum, matrix)), {}
    for label, name in enumerate(metrics["per_class"]):
        others = total - sum(matrix[label]) if matrix else 0
        mistaken = sum(row[label] for row in matrix) - matrix[label][label] if matrix else 0
        values[name] = 1 - mistaken / others if others else None
    return values


def _accuracy(scored: Scored) -> float:
    return float((scored.predicted == scored.labels).float().mean())


def _auroc(scored: Scored) -> float:
    return float(scored.auroc[scored.present].mean())


def _ece(scored: Scored) -> float:
    from vr.evaluation.classification import calibration_error

    return calibration_error(scored.probabilities, scored.labels, ECE_BINS)


def _nll(scored: Scored) -> float:
    from torch.nn import functional as F

    return float(F.cross_entropy(scored.logits, scored.labels))


_ALL = (
    Metric(
        "accuracy",
        "accuracy",
        _accuracy,
        lambda counts: counts.hits.sum(1) / counts.images,
        note="share of images that are classified correctly",
        by_class="sensitivity",
    ),
    Metric(
        "balanced_accuracy",
        "balanced accuracy",
        lambda scored: float(scored.recall[scored.present].mean()),
        lambda counts: counts.mean_over_classes(counts.recall),
        note="mean recall",
        by_class="sensitivity",
    ),
    Metric(
        "macro_f1",
        "macro F1",
        lambda scored: float(scored.f1[scored.present].mean()),
        lambda counts: counts.mean_over_classes(counts.f1),
        note="mean over classes",
        by_class="f1",
    ),
    Metric(
        "auroc",
        "AUROC",
        _auroc,
        long_title="AUROC (one against the rest)",
        note="mean over classes; 50% is chance",
        by_class="auroc",
    ),
    Metric(
        "ece",
        "ECE",
        _ece,
        long_title="expected calibration error",
        note="mean gap of confidence; 0 is best",
        higher_is_better=False,
    ),
    Metric(
        "nll",
        "NLL",
        _nll,
        long_title="negative log-likelihood",
        note="nats per image; lower is better",
        percent=False,
        higher_is_better=False,
    ),
)
# Those of `metrics.json`, in its order.
METRICS: dict[str, Metric] = {metric.key: metric for metric in _ALL}
# Those that runs are compared by.
COMPARED: dict[str, Metric] = {
    **METRICS,
    **{
        key: _Macro(key, f"{key} (mean over classes)", None, by_class=key)
        for key in ("sensitivity", "specificity", "precision")
    },
    "oracle": _Oracle("oracle", "oracle (SELECTED ON THE TEST SET: not a result)", None),
}
# Numbers of one class against the others, from the content of a `metrics.json`, by class.
CLASS_METRICS: dict[str, Callable[[Mapping[str, Any]], dict[str, float | None]]] = {
    "sensitivity": _of_class("recall"),
    "specificity": _specificity,
    "precision": _of_class("precision"),
    "f1": _of_class("f1"),
    "auroc": _of_class("auroc"),
}


def read_class_metric(key: str, metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """A metric of `CLASS_METRICS` by class, from the content of a `metrics.json`; None where not defined."""
    return CLASS_METRICS[key](metrics)


def find_metric(key: str) -> Metric:
    """The metric of that key among those that runs are compared by.

    Raises:
        UserError: there is none.
    """
    if key not in COMPARED:
        raise UserError(
            f"unknown metric '{key}'", code="metric-unknown", remedy=f"Known: {', '.join(COMPARED)}."
        )
    return COMPARED[key]
