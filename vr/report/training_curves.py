"""Charts of training: loss and penalty, accuracy, gate; of one run, or of several runs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from vr.report.svg import ACCENT, INK, SECOND, SOFT, axes, dashes, drawing, inline, series_color
from vr.runs.history import Row

WIDTH, HEIGHT = 310.0, 230.0
_LABELS = 88.0  # pixels at the right for the names of the lines
_LINE = 0.072  # height of a line of text as a share of the axes


def loss(history: Sequence[Row]) -> Markup:
    """Loss by epoch, and its terms if there is a penalty."""
    lines = {"loss": (ACCENT, "loss")}
    if any(row["penalty"] for row in history):
        lines = {
            "loss": (INK, "loss"),
            "cross_entropy": (ACCENT, "cross-entropy"),
            "penalty": (SECOND, "penalty"),
        }
    first, last = history[0]["loss"], history[-1]["loss"]
    alt = f"Loss by epoch: {first:.3g} in the first, {last:.3g} in the last of {len(history)}."
    return _lines(history, lines, alt)


def accuracy(history: Sequence[Row], test: float | None) -> Markup:
    """Accuracy by epoch on each split that was measured, and the test accuracy as a horizontal line."""
    lines = {"train_accuracy": (ACCENT, "training")}
    if "val_accuracy" in history[0]:
        lines["val_accuracy"] = (INK, "validation")
    if "oracle_accuracy" in history[0]:
        lines["oracle_accuracy"] = (SOFT, "test\n(oracle)")
    parts = [f"{label} {100 * history[-1][key]:.0f}%" for key, (_, label) in lines.items()]
    alt = f"Accuracy by epoch; in the last: {', '.join(parts)}".replace("\n", " ")
    level = None
    if test is not None:
        level = (test, "test")
        alt += f"; the kept model has {100 * test:.0f}% on the test images"
    return _lines(history, lines, f"{alt}.", shares=True, level=level)


def gate(history: Sequence[Row]) -> Markup:
    """The weights of the two experts by epoch, which sum to 1."""
    lines = {"gate_pos": (ACCENT, "positive"), "gate_neg": (SECOND, "negative")}
    last = history[-1]
    alt = f"Gate by epoch; in the last: {last['gate_pos']:.3g} positive and {last['gate_neg']:.3g} negative."
    return _lines(history, lines, alt, shares=True)


def together(histories: Mapping[str, Sequence[Row]], column: str, what: str, *, shares: bool) -> Markup:
    """One column of several runs, each in its own colour."""
    with drawing(WIDTH, HEIGHT) as figure:
        plot = axes(figure, 50, 44)
        ends = []
        for number, (key, history) in enumerate(histories.items()):
            if history and column in history[0]:
                x, y = [row["epoch"] for row in history], [row[column] for row in history]
                marker = "o" if len(x) == 1 else None
                plot.plot(x, y, color=series_color(number), linestyle=dashes(number), marker=marker)
                ends.append(f"{key} {100 * y[-1]:.0f}%" if shares else f"{key} {y[-1]:.3g}")
        _finish(plot, shares)
        return inline(figure, f"{what} by epoch; in the last: {', '.join(ends)}.")


def _lines(
    history: Sequence[Row],
    lines: Mapping[str, tuple[str, str]],
    alt: str,
    *,
    shares: bool = False,
    level: tuple[float, str] | None = None,
) -> Markup:
    epochs = [row["epoch"] for row in history]
    with drawing(WIDTH, HEIGHT) as figure:
        plot = axes(figure, 50, 44, right=_LABELS)
        names = []
        for key, (color, label) in lines.items():
            values = [row[key] for row in history]
            plot.plot(epochs, values, color=color, marker="o" if len(epochs) == 1 else None)
            names.append((values[-1], label, color))
        if level is not None:
            plot.axhline(level[0], color=SOFT, linewidth=1, linestyle=(0, (3, 3)))
            names.append((level[0], level[1], SOFT))
        _finish(plot, shares)
        _name(plot, names)
        return inline(figure, alt)


def _finish(plot: Any, shares: bool) -> None:
    plot.set(xlabel="epoch")
    plot.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if shares:
        plot.set(ylim=(0, 1.02))
        plot.set_yticks((0, 0.25, 0.5, 0.75, 1), ("0", "25", "50", "75", "100%"))
    else:
        plot.set(ylim=(min(0.0, plot.get_ylim()[0]), None))
        plot.yaxis.set_major_locator(MaxNLocator(5))


def _name(plot: Any, names: Sequence[tuple[float, str, str]]) -> None:
    """Write the name of each line at its end, moved apart where they would overlap."""
    low, high = plot.get_ylim()
    top = -1.0  # upper end of the label below, as a share of the height of the axes
    for value, label, color in sorted(names):
        half = _LINE * (1 + label.count("\n")) / 2
        height = max((value - low) / (high - low), top + half)
        top = height + half
        plot.text(1.03, height, label, color=color, transform=plot.transAxes, va="center", linespacing=1.05)
