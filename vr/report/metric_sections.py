"""The sections of a report that show metrics: result, classes, confidence, curves, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from vr.evaluation.binary_measures import measures
from vr.evaluation.metrics import HEADLINE, METRICS
from vr.report import captions, charts, diagnostics, many_classes, training_curves
from vr.report.report_data import ReportData
from vr.runs.predictions import Predictions


def result(data: ReportData) -> dict[str, Any]:
    """What the template needs of metrics and predictions."""
    metrics, predictions, names = data.metrics, data.predictions, data.predictions.classes
    overall, matrix = metrics["overall"], metrics["confusion_matrix"]
    bins = diagnostics.reliability(predictions)
    shown, drawn = many_classes.worst_classes(metrics), many_classes.excerpt(matrix)
    curves, pr_curves = diagnostics.roc(predictions, shown), diagnostics.precision_recall(predictions, shown)
    per_class = list(metrics["per_class"].items())
    counts = [values["images"] for values in metrics["per_class"].values()]
    method_warnings = [] if data.run is None else data.run.method.warnings()
    weights = data.config.backbone.weights
    return {
        "split": metrics["split"],
        "overall": overall,
        "intervals": metrics["intervals"],
        "units": captions.resampled_units(metrics),
        "most_frequent": max(counts) / sum(counts),
        "headline": captions.headline(metrics),
        "class_sentence": captions.classes(metrics),
        "tiles": _tiles(metrics),
        "warnings": [*map(captions.sentence, method_warnings), *captions.warnings(metrics, bins, weights)],
        "class_rows": [
            {
                "name": name,
                **values,
                "interval": recall_interval(predictions, label),
                "areas": captions.areas(curve, pr_curve),
            }
            for label, (name, values), curve, pr_curve in zip(
                shown, (per_class[label] for label in shown), curves, pr_curves, strict=True
            )
        ],
        "classes_note": captions.classes_listed(len(shown), len(names)),
        "confusion_note": captions.classes_drawn(len(drawn.classes), len(names)),
        "confusion_sentence": captions.confusion(matrix, names),
        "confidence_sentences": captions.confidence(bins),
        "confusion_chart": _confusion_chart(drawn, names),
        "reliability_chart": charts.reliability(bins, overall["ece"]),
        "roc_chart": charts.roc(curves, [names[label] for label in shown]),
        "precision_recall_chart": charts.precision_recall(pr_curves, [names[label] for label in shown]),
    }


def _confusion_chart(drawn: many_classes.Excerpt, names: Sequence[str]) -> Markup:
    return charts.confusion(drawn.matrix, [names[label] for label in drawn.classes], drawn.totals)


def training(data: ReportData) -> dict[str, Any] | None:
    """Charts of the history with their captions; None if nothing was trained by epochs."""
    history, metrics = data.history, data.metrics
    if not history:
        return None
    test = metrics["overall"]["accuracy"] if metrics["split"] == "test" else None
    last = history[-1]
    with_images = data.config.options.get("visual", "none") != "none"
    return {
        "sentence": captions.training(
            history, metrics["selected_epoch"], data.config.select, test, texts_alone=with_images
        ),
        "loss": training_curves.loss(history),
        "loss_caption": captions.loss(last, data.config.options.get("beta")),
        "accuracy": training_curves.accuracy(history, test),
        "gate": training_curves.gate(history) if "gate_pos" in last else None,
        "gate_caption": captions.gate(history) if "gate_pos" in last else "",
    }


def recall_interval(predictions: Predictions, label: int) -> list[float] | None:
    """The 95% interval of a class's recall, over groups where they are known; None if it is not defined."""
    flagged, positive = (predictions.predicted == label).numpy(), (predictions.labels == label).numpy()
    interval: list[float] | None = measures(flagged, positive, predictions.groups)["intervals"]["sensitivity"]
    return interval


def _tiles(metrics: Mapping[str, Any]) -> list[dict[str, str]]:
    tiles = []
    for key, metric in METRICS.items():
        if key == HEADLINE:
            continue
        value, low_high = metric.read(metrics), metrics["intervals"].get(key)
        note = metric.note
        if low_high is not None:
            low, high = map(metric.number, low_high)
            note += f"; 95%: {low} to {high}"
        title = metric.title[0].upper() + metric.title[1:]
        tiles.append({"name": title, "value": "–" if value is None else metric.text(value), "note": note})
    return tiles
