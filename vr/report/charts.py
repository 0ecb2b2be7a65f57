"""Charts of one set of predictions: confusion matrix, reliability diagram, ROC and precision-recall."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from matplotlib.patches import Rectangle

from vr.report import captions
from vr.report.svg import ACCENT, INK, PAPER, SECOND, SOFT, axes, dashes, drawing, inline, series_color

if TYPE_CHECKING:
    from vr.evaluation.selective import CoverageRisk
    from vr.report.diagnostics import Bin, Curve

WIDTH = 350.0
_TICKS = (0, 0.25, 0.5, 0.75, 1)
_PERCENT = ("0", "25", "50", "75", "100%")


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> Markup:
    """Counts and row shares; the darker a cell, the larger its share of the true class."""
    count = len(classes)
    cell = 72.0 if count <= 4 else 54.0 if count <= 8 else 46.0
    wrap = 11 if count <= 4 else 22
    names = ["\n".join(textwrap.wrap(name, wrap, max_lines=3, placeholder="…")) for name in classes]
    left = 26 + 6.2 * max(len(line) for name in names for line in name.split("\n"))
    upright = count > 4
    bottom = 24 + (5.4 * max(len(line) for name in names for line in name.split("\n")) if upright else 44)
    with drawing(left + count * cell + 8, bottom + count * cell + 8) as figure:
        own = axes(figure, left, bottom, 8, 8)
        own.set(xlim=(0, count), ylim=(count, 0))
        own.grid(False)
        for row, values in enumerate(matrix):
            total = sum(values)
            for column, value in enumerate(values):
                share = value / total if total else 0.0
                color = ACCENT if row == column else SECOND
                square = Rectangle((column + 0.03, row + 0.03), 0.94, 0.94, linewidth=0)
                square.set(facecolor=color, alpha=0.06 + 0.94 * share)
                own.add_patch(square)
                own.text(
                    column + 0.5,
                    row + 0.5,
                    f"{value}\n{100 * share:.0f}%" if total else "0",
                    color=PAPER if share > 0.55 else INK,
                    fontsize=12 if count <= 4 else 10,
                    ha="center",
                    va="center",
                )
        places = [place + 0.5 for place in range(count)]
        own.set_xticks(places, names, rotation=90 if upright else 0)
        own.set_yticks(places, names)
        own.set(xlabel="predicted", ylabel="true")
        own.spines[:].set_visible(False)
        return inline(figure, captions.confusion_alt(matrix, classes))


def reliability(bins: Sequence[Bin], ece: float) -> Markup:
    """How often the model is right, where it says that it is so sure; below, how many images say so."""
    filled = [own for own in bins if own.images]
    most = max(own.images for own in filled)
    with drawing(WIDTH, 330) as figure:
        above = axes(figure, 50, 116, right=20)
        below = axes(figure, 50, 44, right=20, top=226)
        above.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (3, 3)))
        for own in filled:
            width = own.high - own.low
            low, high = sorted((own.accuracy, own.confidence))
            above.bar(own.low, low, width * 0.92, align="edge", color=ACCENT, alpha=0.75)
            above.bar(own.low, high - low, width * 0.92, low, align="edge", color=SECOND, alpha=0.55)
            above.plot([own.low, own.low + width * 0.92], [own.accuracy] * 2, color=INK, linewidth=1.4)
            below.bar(own.low, own.images, width * 0.92, align="edge", color=SOFT, alpha=0.6)
        above.text(0.03, 0.97, f"ECE {100 * ece:.1f}%", transform=above.transAxes, va="top", fontsize=13)
        above.set(xlim=(0, 1), ylim=(0, 1), ylabel="how often right")
        above.set_xticks(_TICKS, [""] * 5)
        above.set_yticks(_TICKS, _PERCENT)
        below.set(xlim=(0, 1), ylim=(0, most * 1.05), xlabel="confidence", ylabel="images")
        below.set_xticks(_TICKS, _PERCENT)
        below.set_yticks([0, most])
        return inline(figure, captions.reliability_alt(filled, ece))


def roc(curves: Sequence[Curve | None], classes: Sequence[str]) -> Markup:
    """True against false positive rate, a line a class."""
    with drawing(WIDTH, 310) as figure:
        own = axes(figure, 50, 44, right=20)
        own.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (3, 3)))
        own.set(xlabel="false positive rate", ylabel="true positive rate")
        return _by_class(figure, own, curves, captions.areas_alt("ROC curves", "AUROC", curves, classes))


def precision_recall(curves: Sequence[Curve | None], classes: Sequence[str]) -> Markup:
    """Precision against recall, a line a class."""
    with drawing(WIDTH, 310) as figure:
        own = axes(figure, 50, 44, right=20)
        own.set(xlabel="recall", ylabel="precision")
        alt = captions.areas_alt("Precision-recall curves", "average precision", curves, classes)
        return _by_class(figure, own, curves, alt)


def coverage_risk(curve: CoverageRisk, chosen: tuple[float, float, float] | None) -> Markup:
    """Wrong answers among those that are given, by how many are; `chosen`: coverage, risk and threshold."""
    most = max(0.05, float(curve.risk.max()))
    alt = f"Coverage against risk: {captions.percent(float(curve.risk[-1]))} wrong where all are answered"
    with drawing(WIDTH, 230) as figure:
        own = axes(figure, 50, 44, right=20)
        own.plot(curve.coverage, curve.risk, color=ACCENT, drawstyle="steps-post")
        if chosen is not None:
            coverage, risk, threshold = chosen
            own.plot([coverage], [risk], "o", color=SECOND, markersize=8)
            alt += f", {captions.percent(risk)} at {captions.percent(coverage)}, confidence {threshold:.2f}"
        own.set(xlim=(0, 1.02), ylim=(0, 1.08 * most), xlabel="images answered", ylabel="wrong among them")
        own.set_xticks(_TICKS, _PERCENT)
        own.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
        return inline(figure, f"{alt}.")


def dots(values: Sequence[tuple[str, float, float, float]], *, xlabel: str, alt: str) -> Markup:
    """Shares in [0, 1] with their intervals, a (key, value, low, high) a row, by series."""
    start = max(0.0, math.floor(10 * min(row[2] for row in values)) / 10 - 0.1)
    with drawing(WIDTH, 54 + 30 * len(values)) as figure:
        own = axes(figure, 30, 44, right=20)
        for place, (_, value, low, high) in enumerate(values):
            color = series_color(place)
            own.plot([low, high], [place, place], color=color, linewidth=6, alpha=0.35)
            own.plot([value], [place], "o", color=color, markersize=9)
        own.set(xlim=(start, 1), ylim=(len(values) - 0.5, -0.5), xlabel=xlabel)
        own.set_yticks(range(len(values)), [row[0] for row in values])
        own.grid(False, axis="y")
        own.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
        own.spines["left"].set_visible(False)
        return inline(figure, alt)


def _by_class(figure: Any, own: Any, curves: Sequence[Curve | None], alt: str) -> Markup:
    for number, curve in enumerate(curves):
        if curve is not None:
            color, line = series_color(number), dashes(number)
            own.plot(curve.x.numpy(), curve.y.numpy(), color=color, linestyle=line)
    own.set(xlim=(0, 1), ylim=(0, 1.02))
    own.set_xticks(_TICKS, _PERCENT)
    own.set_yticks(_TICKS, _PERCENT)
    return inline(figure, alt)
