"""Axes of a chart: values to pixels, ticks with their labels, lines, bars, dots and texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vr.report.svg import (
    ACCENT,
    FONT_SIZE,
    GRID,
    LINE,
    Anchor,
    Drawing,
    circle,
    path,
    rectangle,
    text_width,
)

Range = tuple[float, float]
DASHED, LONG_DASHES = (3.0, 3.0), (7.0, 3.6)
_GAP = 4.0  # pixels between axes, tick labels and names of axes
_MARGIN = 0.05  # around values, as a share of their range
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass
class Axes:
    """A part of a drawing with values along both sides.

    Args:
        left, bottom, right, top: pixels around it.
        x, y: the values at its left and right, and at its bottom and top.
        frame: whether lines are drawn along the left and the bottom.
    """

    drawing: Drawing
    left: float
    bottom: float
    x: Range
    y: Range
    right: float = 10.0
    top: float = 10.0
    frame: bool = True
    _clip: str = field(init=False)
    _below: float = field(default=0.0, init=False)  # height of the labels of ticks
    _beside: float = field(default=0.0, init=False)  # their width

    def __post_init__(self) -> None:
        width, height = self.size
        self._clip = self.drawing.clip(self.left, self.top, width, height)
        if self.frame:
            for x, y in ((self.x[0], self.y[1]), (self.x[1], self.y[0])):
                corner = self.at(self.x[0], self.y[0])
                self.drawing.add(path([corner, self.at(x, y)], _stroke(GRID, 0.8)))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        drawing = self.drawing
        return drawing.width - self.left - self.right, drawing.height - self.top - self.bottom

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where values are, in pixels of the drawing."""
        width, height = self.size
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + width * across, self.top + height * (1 - up)

    def line(
        self,
        x: Iterable[float],
        y: Iterable[float],
        color: str,
        *,
        width: float = 1.8,
        dash: Sequence[float] = (),
        opacity: float = 1.0,
    ) -> None:
        """A line along points; a single point is a dot."""
        points = [self.at(*point) for point in zip(x, y, strict=True)]
        if len(points) == 1:
            self.drawing.add(circle(*points[0], 3.0, color))
        elif points:
            drawn = path(points, _stroke(color, width, dash, opacity))
            self.drawing.add(f'<g clip-path="{self._clip}">{drawn}</g>')

    def bar(self, x: Range, y: Range, color: str, opacity: float) -> None:
        """A filled rectangle between values."""
        (left, bottom), (right, top) = self.at(x[0], y[0]), self.at(x[1], y[1])
        left, right, top, bottom = min(left, right), max(left, right), min(top, bottom), max(top, bottom)
        style = f"fill: {color}; opacity: {opacity:.3g}"
        self.drawing.add(rectangle(left, top, right - left, bottom - top, style))

    def dot(self, x: float, y: float, color: str = ACCENT, radius: float = 4.0) -> None:
        """A dot."""
        self.drawing.add(circle(*self.at(x, y), radius, color))

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        color: str,
        size: float = FONT_SIZE,
        anchor: Anchor = "middle",
    ) -> None:
        """Text of one or more lines around the middle of its height."""
        self.drawing.text(*self.at(x, y), words, color=color, size=size, anchor=anchor)

    def x_ticks(
        self, values: Sequence[float], labels: Sequence[str], *, grid: bool = True, turned: bool = False
    ) -> None:
        """Labels below values, `turned` upwards, and vertical lines."""
        for value, label in zip(values, labels, strict=True):
            (x, bottom), (_, top) = self.at(value, self.y[0]), self.at(value, self.y[1])
            lines = label.split("\n")
            height = max(map(text_width, lines)) if turned else LINE * FONT_SIZE * len(lines)
            if grid:
                self.drawing.add(path([(x, bottom), (x, top)], _stroke(GRID, 0.6)))
            if turned:
                self.drawing.text(x, bottom + _GAP, label, anchor="end", turned=True)
            elif label:
                self.drawing.text(x, bottom + _GAP + height / 2, label)
            self._below = max(self._below, height)

    def y_ticks(self, values: Sequence[float], labels: Sequence[str], *, grid: bool = True) -> None:
        """Labels at the left of values, and horizontal lines."""
        for value, label in zip(values, labels, strict=True):
            (left, y), (right, _) = self.at(self.x[0], value), self.at(self.x[1], value)
            if grid:
                self.drawing.add(path([(left, y), (right, y)], _stroke(GRID, 0.6)))
            self.drawing.text(left - _GAP, y, label, anchor="end")
            self._beside = max(self._beside, *map(text_width, label.split("\n")))

    def names(self, x: str = "", y: str = "") -> None:
        """The names of the axes, beyond the labels of ticks, which are drawn before."""
        width, height = self.size
        if x:
            below = self.top + height + self._below + 2 * _GAP + LINE * FONT_SIZE / 2
            self.drawing.text(self.left + width / 2, below, x)
        if y:
            beside = self.left - self._beside - 2 * _GAP - LINE * FONT_SIZE / 2
            self.drawing.text(beside, self.top + height / 2, y, turned=True)


def around(values: Iterable[float]) -> Range:
    """A range that holds values with some room at both ends; of none, 0 to 1."""
    values = list(values) or [0.0, 1.0]
    low, high = min(values), max(values)
    room = _MARGIN * (high - low) or _MARGIN * abs(low) or 1.0
    return low - room, high + room


def round_ticks(limits: Range, most: int = 5, *, whole: bool = False) -> tuple[list[float], list[str]]:
    """Round numbers within limits, and as text: in steps of 1, 2, 2.5 or 5 times a power of ten."""
    low, high = limits
    least = max((high - low) / most, 1.0 if whole else 0.0)
    power = 10.0 ** math.floor(math.log10(least))
    step = next(
        factor * power
        for factor in _ROUND
        if factor * power >= least * (1 - 1e-9) and not (whole and factor * power % 1)
    )
    decimals = max(0, -math.floor(math.log10(step)) + (round(step / power, 1) == _ROUND[2]))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = [step * number for number in range(first, last + 1)]
    return values, [f"{value:.{decimals}f}".replace("-", "−") for value in values]


def percent_ticks(limits: Range, most: int = 5) -> tuple[list[float], list[str]]:
    """As `round_ticks`, of shares, in percent."""
    values, labels = round_ticks((100 * limits[0], 100 * limits[1]), most)
    return [value / 100 for value in values], [f"{label}%" for label in labels]


def _stroke(color: str, width: float, dash: Sequence[float] = (), opacity: float = 1.0) -> str:
    style = f"stroke: {color}; stroke-width: {width:g}; stroke-linecap: {'butt' if dash else 'round'}"
    if dash:
        style += f"; stroke-dasharray: {' '.join(f'{part:g}' for part in dash)}"
    return style if opacity == 1 else f"{style}; opacity: {opacity:g}"
