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


def confusion(
    matrix: Sequence[Sequence[int]], classes: Sequence[str], totals: Sequence[int] | None = None
) -> Markup:
    """Counts and row shares; the darker a cell, the larger its share of the true class.

    Args:
        totals: images of each class, where other classes are not drawn; by default the sums of the rows.
    """
    totals = totals or list(map(sum, matrix))
    count = len(classes)
    upright = count > 4
    words = [word for name in classes for word in name.split()]
    cell = 54.0 if count <= 8 else 46.0
    if not upright:
        cell = max(72.0, 8 + 6.6 * max(map(len, words)))
    with drawing(count * cell + 60, count * cell + 60) as figure:
        plot = axes(figure, 52, 52, 8, 8)
        plot.set(xlim=(0, count), ylim=(count, 0), xlabel="predicted", ylabel="true")
        plot.grid(False)
        plot.spines[:].set_visible(False)
        for row, values in enumerate(matrix):
            for column, value in enumerate(values):
                _cell(plot, row, column, value, totals[row], 12 if count <= 4 else 10)
        middles = [label + 0.5 for label in range(count)]
        plot.set_yticks(middles, [_in_lines(name) for name in classes])
        if upright:
            plot.set_xticks(middles, [_in_lines(name) for name in classes], rotation=90)
        else:
            plot.set_xticks(middles, [_wrapped(name, int(cell / 6.6)) for name in classes])
        return inline(figure, captions.confusion_alt(matrix, classes, totals))


def _cell(plot: Any, row: int, column: int, value: int, total: int, font_size: int) -> None:
    share = value / total if total else 0.0
    square = Rectangle((column + 0.03, row + 0.03), 0.94, 0.94, linewidth=0)
    square.set(facecolor=ACCENT if row == column else SECOND, alpha=0.06 + 0.94 * share)
    plot.add_patch(square)
    plot.text(
        column + 0.5,
        row + 0.5,
        f"{value}\n{100 * share:.0f}%" if total else "0",
        color=PAPER if share > 0.55 else INK,
        fontsize=font_size,
        ha="center",
        va="center",
    )


def _in_lines(name: str) -> str:
    """The whole name in at most three lines, or nearly so."""
    return _wrapped(name, max(26, math.ceil(len(name) / 3) + 8))


def _wrapped(name: str, width: int) -> str:
    return "\n".join(textwrap.wrap(name, width, break_long_words=False))


def reliability(bins: Sequence[Bin], ece: float) -> Markup:
    """Accuracy by confidence, with the gap between them; below, the number of images per bin."""
    filled = [bin_ for bin_ in bins if bin_.images]
    most = max(bin_.images for bin_ in filled)
    with drawing(WIDTH, 330) as figure:
        above = axes(figure, 50, 116, right=20)
        below = axes(figure, 50, 44, right=20, top=226)
        above.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (3, 3)))
        for bin_ in filled:
            width = bin_.high - bin_.low
            low, high = sorted((bin_.accuracy, bin_.confidence))
            above.bar(bin_.low, low, width * 0.92, align="edge", color=ACCENT, alpha=0.75)
            above.bar(bin_.low, high - low, width * 0.92, low, align="edge", color=SECOND, alpha=0.55)
            above.plot([bin_.low, bin_.low + width * 0.92], [bin_.accuracy] * 2, color=INK, linewidth=1.4)
            below.bar(bin_.low, bin_.images, width * 0.92, align="edge", color=SOFT, alpha=0.6)
        above.text(0.03, 0.97, f"ECE {100 * ece:.1f}%", transform=above.transAxes, va="top", fontsize=13)
        above.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
        above.set_xticks(_TICKS, [""] * 5)
        above.set_yticks(_TICKS, _PERCENT)
        below.set(xlim=(0, 1), ylim=(0, most * 1.05), xlabel="confidence", ylabel="images")
        below.set_xticks(_TICKS, _PERCENT)
        below.set_yticks([0, most])
        return inline(figure, captions.reliability_alt(filled, ece))


def roc(curves: Sequence[Curve | None], classes: Sequence[str]) -> Markup:
    """True against false positive rate, one line per class."""
    with drawing(WIDTH, 310) as figure:
        plot = axes(figure, 50, 44, right=20)
        plot.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (3, 3)))
        plot.set(xlabel="false positive rate", ylabel="true positive rate")
        return _by_class(figure, plot, curves, captions.areas_alt("ROC curves", "AUROC", curves, classes))


def precision_recall(curves: Sequence[Curve | None], classes: Sequence[str]) -> Markup:
    """Precision against recall, one line per class."""
    with drawing(WIDTH, 310) as figure:
        plot = axes(figure, 50, 44, right=20)
        plot.set(xlabel="recall", ylabel="precision")
        alt = captions.areas_alt("Precision-recall curves", "average precision", curves, classes)
        return _by_class(figure, plot, curves, alt)


def coverage_risk(curve: CoverageRisk, chosen: tuple[float, float, float] | None) -> Markup:
    """Share of wrong answers by share of answered images; `chosen`: coverage, risk and threshold."""
    most = max(0.05, float(curve.risk.max()))
    alt = f"Coverage against risk: {captions.percent(float(curve.risk[-1]))} wrong if all are answered"
    with drawing(WIDTH, 230) as figure:
        plot = axes(figure, 50, 44, right=20)
        plot.plot(curve.coverage, curve.risk, color=ACCENT, drawstyle="steps-post")
        if chosen is not None:
            coverage, risk, threshold = chosen
            plot.plot([coverage], [risk], "o", color=SECOND, markersize=8)
            alt += f", {captions.percent(risk)} at {captions.percent(coverage)}, confidence {threshold:.2f}"
        plot.set(xlim=(0, 1.02), ylim=(0, 1.08 * most), xlabel="images answered", ylabel="wrong among them")
        plot.set_xticks(_TICKS, _PERCENT)
        plot.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
        return inline(figure, f"{alt}.")


def decision_curve(thresholds: Any, model: Any, everyone: Any, chosen: float | None, *, alt: str) -> Markup:
    """Net benefit (T,) over threshold probabilities (T,): the model, calling all positive, and none.

    `chosen` is the threshold in use.
    """
    top = max(0.02, float(max(model.max(), everyone.max())))
    with drawing(WIDTH, 250) as figure:
        plot = axes(figure, 56, 44, right=20)
        plot.axhline(0, color=SOFT, linewidth=1)
        plot.plot(thresholds, everyone, color=SOFT, linestyle=(0, (3, 3)))
        plot.plot(thresholds, model, color=ACCENT)
        if chosen is not None and 0 < chosen < 1:
            plot.axvline(chosen, color=SECOND, linewidth=1.4)
        plot.set(xlim=(0, 1), ylim=(-0.25 * top, 1.08 * top), xlabel="threshold", ylabel="net benefit")
        plot.set_xticks(_TICKS, _PERCENT)
        return inline(figure, alt)


def dots(values: Sequence[tuple[str, float, float, float]], *, xlabel: str, alt: str) -> Markup:
    """Shares in [0, 1] with their intervals, one row per (key, value, low, high), each in its colour."""
    start = max(0.0, math.floor(10 * min(low for _, _, low, _ in values)) / 10 - 0.1)
    with drawing(WIDTH, 54 + 30 * len(values)) as figure:
        plot = axes(figure, 30, 44, right=20)
        for row, (_, value, low, high) in enumerate(values):
            color = series_color(row)
            plot.plot([low, high], [row, row], color=color, linewidth=6, alpha=0.35)
            plot.plot([value], [row], "o", color=color, markersize=9)
        plot.set(xlim=(start, 1), ylim=(len(values) - 0.5, -0.5), xlabel=xlabel)
        plot.set_yticks(range(len(values)), [key for key, *_ in values])
        plot.grid(False, axis="y")
        plot.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
        plot.spines["left"].set_visible(False)
        return inline(figure, alt)


def _by_class(figure: Any, plot: Any, curves: Sequence[Curve | None], alt: str) -> Markup:
    for number, curve in enumerate(curves):
        if curve is not None:
            color, line = series_color(number), dashes(number)
            plot.plot(curve.x.numpy(), curve.y.numpy(), color=color, linestyle=line)
    plot.set(xlim=(0, 1), ylim=(0, 1.02))
    plot.set_xticks(_TICKS, _PERCENT)
    plot.set_yticks(_TICKS, _PERCENT)
    return inline(figure, alt)
