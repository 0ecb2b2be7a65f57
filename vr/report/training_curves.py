"""Charts of training: loss and penalty, accuracy, gate; of one run, or of several runs together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from vr.report.axes import DASHED, LONG_DASHES, Axes, Range, around, round_ticks
from vr.report.colors import is_dashed
from vr.report.svg import ACCENT, FONT_SIZE, INK, LINE, SECOND, SOFT, Drawing, series_color
from vr.runs.history import Row

WIDTH, HEIGHT = 310.0, 230.0
_LABELS = 88.0  # pixels at the right for the names of the lines


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
    shown = {key: rows for key, rows in histories.items() if rows and column in rows[0]}
    every = [row for rows in shown.values() for row in rows]
    drawing = Drawing(WIDTH, HEIGHT)
    axes = _axes(drawing, [row["epoch"] for row in every], [row[column] for row in every], shares)
    ends = []
    for key, rows in shown.items():
        number, y = list(histories).index(key), [row[column] for row in rows]
        dash = LONG_DASHES if is_dashed(number) else ()
        axes.line([row["epoch"] for row in rows], y, series_color(number), dash=dash)
        ends.append(f"{key} {100 * y[-1]:.0f}%" if shares else f"{key} {y[-1]:.3g}")
    return drawing.inline(f"{what} by epoch; in the last: {', '.join(ends)}.")


def _lines(
    history: Sequence[Row],
    lines: Mapping[str, tuple[str, str]],
    alt: str,
    *,
    shares: bool = False,
    level: tuple[float, str] | None = None,
) -> Markup:
    epochs = [row["epoch"] for row in history]
    drawing = Drawing(WIDTH, HEIGHT)
    columns = {key: [row[key] for row in history] for key in lines}
    values = [value for column in columns.values() for value in column]
    axes = _axes(drawing, epochs, values, shares, right=_LABELS)
    names = []
    for key, (color, label) in lines.items():
        axes.line(epochs, columns[key], color)
        names.append((columns[key][-1], label, color))
    if level is not None:
        axes.line(axes.x, [level[0]] * 2, SOFT, width=1, dash=DASHED)
        names.append((level[0], level[1], SOFT))
    _name(axes, names)
    return drawing.inline(alt)


def _axes(
    drawing: Drawing, epochs: Sequence[float], values: Sequence[float], shares: bool, right: float = 10.0
) -> Axes:
    """Axes of values by epoch, with their ticks."""
    low, high = around(values)
    limits: Range = (0.0, 1.02) if shares else (min(0.0, low), high)
    axes = Axes(drawing, 50, 44, around(epochs), limits, right=right)
    axes.x_ticks(*round_ticks(axes.x, whole=True))
    if shares:
        axes.y_ticks((0, 0.25, 0.5, 0.75, 1), ("0", "25", "50", "75", "100%"))
    else:
        axes.y_ticks(*round_ticks(axes.y))
    axes.names("epoch")
    return axes


def _name(axes: Axes, names: Sequence[tuple[float, str, str]]) -> None:
    """Write the name of each line at its end, moved apart where they would overlap."""
    (low, high), (_, height) = axes.y, axes.size
    line = LINE * FONT_SIZE * (high - low) / height  # height of a line of text
    top = -math.inf  # upper end of the label below
    for value, label, color in sorted(names):
        half = line * (1 + label.count("\n")) / 2
        middle = max(value, top + half)
        top = middle + half
        axes.text(axes.x[1] + 0.03 * (axes.x[1] - axes.x[0]), middle, label, color=color, anchor="start")
