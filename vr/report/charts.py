"""Charts of one set of predictions: confusion matrix, reliability diagram, ROC and precision-recall."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from vr.report import captions
from vr.report.axes import DASHED, LONG_DASHES, Axes, percent_ticks, round_ticks
from vr.report.colors import is_dashed
from vr.report.svg import ACCENT, GRID, INK, PAPER, SECOND, SOFT, Drawing, series_color

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
    drawing = Drawing(count * cell + 60, count * cell + 60)
    axes = Axes(drawing, 52, 52, (0, count), (count, 0), right=8, top=8, frame=False)
    for row, values in enumerate(matrix):
        for column, value in enumerate(values):
            _cell(axes, row, column, value, totals[row], 12 if count <= 4 else 10)
    middles = [label + 0.5 for label in range(count)]
    whole = [_in_lines(name) for name in classes]
    narrow = [_wrapped(name, int(cell / 6.6)) for name in classes]
    axes.y_ticks(middles, whole, grid=False)
    axes.x_ticks(middles, whole if upright else narrow, grid=False, turned=upright)
    axes.names("predicted", "true")
    return drawing.inline(captions.confusion_alt(matrix, classes, totals))


def _cell(axes: Axes, row: int, column: int, value: int, total: int, font_size: int) -> None:
    share = value / total if total else 0.0
    color = ACCENT if row == column else SECOND
    axes.bar((column + 0.03, column + 0.97), (row + 0.03, row + 0.97), color, 0.06 + 0.94 * share)
    words = f"{value}\n{100 * share:.0f}%" if total else "0"
    axes.text(column + 0.5, row + 0.5, words, color=PAPER if share > 0.55 else INK, size=font_size)


def _in_lines(name: str) -> str:
    """The whole name in at most three lines, or nearly so."""
    return _wrapped(name, max(26, math.ceil(len(name) / 3) + 8))


def _wrapped(name: str, width: int) -> str:
    return "\n".join(textwrap.wrap(name, width, break_long_words=False))


def reliability(bins: Sequence[Bin], ece: float) -> Markup:
    """Accuracy by confidence, with the gap between them; below, the number of images per bin."""
    filled = [bin_ for bin_ in bins if bin_.images]
    most = max(bin_.images for bin_ in filled)
    drawing = Drawing(WIDTH, 330)
    above = Axes(drawing, 50, 116, (0, 1), (0, 1), right=20)
    below = Axes(drawing, 50, 44, (0, 1), (0, most * 1.05), right=20, top=226)
    above.x_ticks(_TICKS, [""] * 5)
    above.y_ticks(_TICKS, _PERCENT)
    above.names(y="accuracy")
    below.x_ticks(_TICKS, _PERCENT)
    below.y_ticks([0, most], ["0", str(most)])
    below.names("confidence", "images")
    above.line([0, 1], [0, 1], SOFT, width=1, dash=DASHED)
    for bin_ in filled:
        sides = (bin_.low, bin_.low + 0.92 * (bin_.high - bin_.low))
        low, high = sorted((bin_.accuracy, bin_.confidence))
        above.bar(sides, (0, low), ACCENT, 0.75)
        above.bar(sides, (low, high), SECOND, 0.55)
        above.line(sides, [bin_.accuracy] * 2, INK, width=1.4)
        below.bar(sides, (0, bin_.images), SOFT, 0.6)
    above.text(0.03, 0.94, f"ECE {100 * ece:.1f}%", color=INK, size=13, anchor="start")
    return drawing.inline(captions.reliability_alt(filled, ece))


def roc(curves: Sequence[Curve | None], classes: Sequence[str]) -> Markup:
    """True against false positive rate, one line per class."""
    drawing, axes = _of_shares("false positive rate", "true positive rate")
    axes.line([0, 1], [0, 1], SOFT, width=1, dash=DASHED)
    _by_class(axes, curves)
    return drawing.inline(captions.areas_alt("ROC curves", "AUROC", curves, classes))


def precision_recall(curves: Sequence[Curve | None], classes: Sequence[str]) -> Markup:
    """Precision against recall, one line per class."""
    drawing, axes = _of_shares("recall", "precision")
    _by_class(axes, curves)
    alt = captions.areas_alt("Precision-recall curves", "average precision", curves, classes)
    return drawing.inline(alt)


def coverage_risk(curve: CoverageRisk, chosen: tuple[float, float, float] | None) -> Markup:
    """Share of wrong answers by share of answered images; `chosen`: coverage, risk and threshold."""
    most = max(0.05, float(curve.risk.max()))
    alt = f"Coverage against risk: {captions.percent(float(curve.risk[-1]))} wrong if all are answered"
    drawing = Drawing(WIDTH, 230)
    axes = Axes(drawing, 50, 44, (0, 1.02), (0, 1.08 * most), right=20)
    axes.x_ticks(_TICKS, _PERCENT)
    axes.y_ticks(*percent_ticks(axes.y))
    axes.names("images answered", "wrong among them")
    coverages, risks = curve.coverage.tolist(), curve.risk.tolist()
    axes.line(*_steps(coverages, risks), ACCENT)
    if chosen is not None:
        coverage, risk, threshold = chosen
        axes.dot(coverage, risk, SECOND)
        alt += f", {captions.percent(risk)} at {captions.percent(coverage)}, confidence {threshold:.2f}"
    return drawing.inline(f"{alt}.")


def _steps(x: Sequence[float], y: Sequence[float]) -> tuple[list[float], list[float]]:
    """A line that keeps each value until the next point."""
    return [value for value in x for _ in range(2)][1:], [value for value in y for _ in range(2)][:-1]


def decision_curve(thresholds: Any, model: Any, everyone: Any, chosen: float | None, *, alt: str) -> Markup:
    """Net benefit (T,) over threshold probabilities (T,): the model, calling all positive, and none.

    `chosen` is the threshold in use.
    """
    top = max(0.02, float(max(model.max(), everyone.max())))
    drawing = Drawing(WIDTH, 250)
    axes = Axes(drawing, 56, 44, (0, 1), (-0.25 * top, 1.08 * top), right=20)
    axes.x_ticks(_TICKS, _PERCENT)
    axes.y_ticks(*round_ticks(axes.y, 8))
    axes.names("threshold", "net benefit")
    axes.line(axes.x, [0, 0], SOFT, width=1)
    axes.line(thresholds.tolist(), everyone.tolist(), SOFT, dash=LONG_DASHES)
    axes.line(thresholds.tolist(), model.tolist(), ACCENT)
    if chosen is not None and 0 < chosen < 1:
        axes.line([chosen] * 2, axes.y, SECOND, width=1.4)
    return drawing.inline(alt)


def dots(values: Sequence[tuple[str, float, float, float]], *, xlabel: str, alt: str) -> Markup:
    """Shares in [0, 1] with their intervals, one row per (key, value, low, high), each in its colour."""
    start = max(0.0, math.floor(10 * min(low for _, _, low, _ in values)) / 10 - 0.1)
    drawing = Drawing(WIDTH, 54 + 30 * len(values))
    limits = (len(values) - 0.5, -0.5)
    axes = Axes(drawing, 30, 44, (start, 1), limits, right=20, frame=False)
    axes.line(axes.x, [limits[0]] * 2, GRID, width=0.8)
    axes.x_ticks(*percent_ticks(axes.x))
    axes.y_ticks(range(len(values)), [key for key, *_ in values], grid=False)
    axes.names(xlabel)
    for row, (_, value, low, high) in enumerate(values):
        axes.line([low, high], [row, row], series_color(row), width=6, opacity=0.35)
        axes.dot(value, row, series_color(row), radius=4.5)
    return drawing.inline(alt)


def _of_shares(x: str, y: str) -> tuple[Drawing, Axes]:
    """An empty chart of one share against another, with the names of both."""
    drawing = Drawing(WIDTH, 310)
    axes = Axes(drawing, 50, 44, (0, 1), (0, 1.02), right=20)
    axes.x_ticks(_TICKS, _PERCENT)
    axes.y_ticks(_TICKS, _PERCENT)
    axes.names(x, y)
    return drawing, axes


def _by_class(axes: Axes, curves: Sequence[Curve | None]) -> None:
    for number, curve in enumerate(curves):
        if curve is not None:
            dash = LONG_DASHES if is_dashed(number) else ()
            axes.line(curve.x.tolist(), curve.y.tolist(), series_color(number), dash=dash)
