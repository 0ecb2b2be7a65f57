"""Charts as SVG within a page: text stays text, and colours are the page's, in light, dark and on paper."""

from __future__ import annotations

import math
import unicodedata
import zlib
from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup, escape

from vr.report.colors import SERIES

INK, SOFT, GRID, PAPER, ACCENT, SECOND = (
    f"var(--{name})" for name in ("ink", "soft", "line", "paper", "accent", "second")
)
FONT_SIZE = 11.0
LINE = 1.2  # height of a line of text, in font sizes
_PADDING = 4.0  # pixels around labels at the edge: fonts of browsers differ a little
_NEAR = 0.3  # pixels; points of a line that are nearer to each other are one
_RISE = 0.35  # from the middle of a line of text to its baseline, in font sizes
# Widths of letters in a wide sans-serif font, in font sizes; others are as wide as `_USUAL`.
_USUAL = 0.63
_WIDTHS = {
    letter: width
    for letters, width in (("ijl.,:;'|!I()[] /-", 0.4), ("mwM%@", 0.98), ("W", 1.05))
    for letter in letters
}
_CAPITAL = 0.78
Anchor = Literal["start", "middle", "end"]


def series_color(number: int) -> str:
    """The colour of class or run `number`."""
    return f"var(--series-{number % SERIES})"


class Drawing:
    """A chart of so many CSS pixels; it grows where a label reaches beyond it, so that none is cut."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._left, self._top, self._right, self._bottom = 0.0, 0.0, width, height
        self._parts: list[str] = []
        self._texts: list[str] = []
        self._clips: list[tuple[float, float, float, float]] = []

    def add(self, element: str) -> None:
        """Add an element, above those before and below all texts."""
        self._parts.append(element)

    def clip(self, left: float, top: float, width: float, height: float) -> str:
        """A placeholder for the name of a rectangle that cuts what is drawn in it."""
        self._clips.append((left, top, width, height))
        return f"{{clip-{len(self._clips) - 1}}}"

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        color: str = SOFT,
        size: float = FONT_SIZE,
        anchor: Anchor = "middle",
        turned: bool = False,
    ) -> None:
        """Text of one or more lines, in pixels; `y` is the middle of its height.

        Args:
            turned: a quarter to the left, around that point; then `x` is the middle of its height.
        """
        lines = words.split("\n")
        half = LINE * size * len(lines) / 2
        width = max(text_width(line, size) for line in lines)
        start = {"start": 0.0, "middle": -width / 2, "end": -width}[anchor]
        turn = f' transform="rotate(-90 {_number(x)} {_number(y)})"' if turned else ""
        for number, line in enumerate(lines):
            baseline = y - half + LINE * size * (number + 0.5) + _RISE * size
            self._texts.append(
                f'<text x="{_number(x)}" y="{_number(baseline)}" text-anchor="{anchor}"'
                f' style="font-size: {_number(size)}px; fill: {color}"{turn}>{escape(line)}</text>'
            )
        if turned:
            self._include(x - half, y - start - width, x + half, y - start)
        else:
            self._include(x + start, y - half, x + start + width, y + half)

    def inline(self, alt: str) -> Markup:
        """The chart as an `<svg>` element with `alt` as its text alternative."""
        body = "".join(self._parts)
        clips = ""
        for number, (left, top, width, height) in enumerate(self._clips):
            name = f"f{zlib.crc32(alt.encode('utf-8', 'backslashreplace')):08x}-{number}"
            body = body.replace(f"{{clip-{number}}}", f"url(#{name})")
            clips += f'<clipPath id="{name}">{rectangle(left, top, width, height)}</clipPath>'
        left, top = math.floor(self._left), math.floor(self._top)
        width, height = math.ceil(self._right - left), math.ceil(self._bottom - top)
        head = f'viewBox="{left} {top} {width} {height}" style="--width: {width}px"'
        head += f' role="img" aria-label="{escape(alt)}"'
        return Markup(f"<svg {head}><defs>{clips}</defs>{body}{''.join(self._texts)}</svg>")

    def _include(self, left: float, top: float, right: float, bottom: float) -> None:
        self._left, self._top = min(self._left, left - _PADDING), min(self._top, top - _PADDING)
        self._right, self._bottom = max(self._right, right + _PADDING), max(self._bottom, bottom + _PADDING)


def text_width(line: str, size: float = FONT_SIZE) -> float:
    """About how many pixels a line of text takes, rather more than less."""
    return size * sum(map(_letter_width, line))


def _letter_width(letter: str) -> float:
    if letter in _WIDTHS:
        return _WIDTHS[letter]
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    return _CAPITAL if letter.isupper() else _USUAL


def rectangle(left: float, top: float, width: float, height: float, style: str = "") -> str:
    """A `<rect>`."""
    shape = f'x="{_number(left)}" y="{_number(top)}" width="{_number(width)}" height="{_number(height)}"'
    return f'<rect {shape} style="{style}"/>' if style else f"<rect {shape}/>"


def path(points: Sequence[tuple[float, float]], style: str) -> str:
    """A `<path>` along points in pixels; those that cannot be told apart are left out."""
    kept = [points[0]]
    for point in points[1:-1]:
        if abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) > _NEAR:
            kept.append(point)
    kept += points[1:][-1:]
    corners = " ".join(f"{_number(x)} {_number(y)}" for x, y in kept)
    return f'<path d="M{corners}" style="fill: none; {style}"/>'


def circle(x: float, y: float, radius: float, color: str) -> str:
    """A filled `<circle>`."""
    return f'<circle cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}" style="fill: {color}"/>'


def _number(value: float) -> str:
    """A number of pixels, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")
