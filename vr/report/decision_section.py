"""The section of a report for whoever decides by a model: the operating point, and decision curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from attrgen.core.errors import UserError
from vr.evaluation import binary_measures
from vr.evaluation import calibration as calibrations
from vr.evaluation.binary_measures import NAMES, THRESHOLDS, net_benefit, net_benefit_of_all
from vr.report import captions, charts
from vr.report.report_data import ReportData

_MOST_CURVES = 6


def decisions(data: ReportData) -> dict[str, Any]:
    """What the template needs: the operating point's measures, if there is one, and decision curves."""
    point = data.metrics.get("operating_point")
    return {
        "point": None if point is None else _point(point, data.metrics["split"]),
        "curves": _curves(data, None if point is None else point["class_name"]),
    }


def _point(point: Mapping[str, Any], split: str) -> dict[str, Any]:
    counts = point["counts"]
    return {
        "class_name": point["class_name"],
        "sentence": point["sentence"],
        "rows": [
            {
                "name": NAMES[key],
                "value": point[key],
                "interval": point["intervals"][key],
                "of": _of(key, counts),
            }
            for key in NAMES
        ],
        "method": point["method"],
        "prevalence": point["prevalence"],
        "at_prevalence": point["at_prevalence"],
        "is_test": split == "test",
    }


def _of(key: str, counts: Mapping[str, int]) -> str:
    values = list(counts.values())
    part, whole = binary_measures.SHARES[key]
    return f"{sum(values[i] for i in part)} of {sum(values[i] for i in whole)}"


def _curves(data: ReportData, class_name: str | None) -> list[dict[str, Any]]:
    """A decision curve of the operating point's class, or of each of the first classes."""
    predictions = data.predictions
    scores = calibrations.probabilities(predictions.logits, _temperature(data)).numpy()
    labels = predictions.labels.numpy()
    chosen = predictions.classes[:_MOST_CURVES] if class_name is None else (class_name,)
    threshold = None if class_name is None else data.metrics["operating_point"]["threshold"]
    drawn = []
    for name in chosen:
        label = predictions.classes.index(name)
        positive = labels == label
        if 0 < positive.sum() < len(labels):
            chart = _chart(name, scores[:, label], positive, threshold)
            drawn.append({"class_name": name, "chart": chart})
    return drawn


def _chart(name: str, scores: Any, positive: Any, threshold: float | None) -> Markup:
    model, everyone = net_benefit(scores, positive), net_benefit_of_all(positive)
    best = model > everyone.clip(min=0)
    share = captions.percent(float(best.mean()), 0)
    alt = f"Decision curve of {name}: the model has the highest net benefit at {share} of the thresholds."
    return charts.decision_curve(THRESHOLDS, model, everyone, threshold, alt=alt)


def _temperature(data: ReportData) -> float:
    try:
        calibration = calibrations.load(data.path)
    except UserError:  # of an earlier training; the section on calibration leaves it out as well
        return 1.0
    return 1.0 if calibration is None else calibration.temperature
