"""The style of figures in files of their own: that of the pages, in the colours of the light page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from vr.report.colors import hue, is_dashed

_INK, _SOFT, _GRID = "#17212b", "#5a6672", "#dde3e8"  # as in style.css
_LIGHTNESS, _CHROMA = 0.54, 0.15
_FONT_SIZE = 11.0
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.parse_math": False,  # a class name may hold a dollar sign
    "font.size": _FONT_SIZE,
    "text.color": _INK,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _SOFT,
    "axes.labelsize": _FONT_SIZE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "xtick.color": _GRID,
    "ytick.color": _GRID,
    "xtick.labelcolor": _SOFT,
    "ytick.labelcolor": _SOFT,
    "xtick.labelsize": _FONT_SIZE,
    "ytick.labelsize": _FONT_SIZE,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
}


def printed_color(number: int) -> str:
    """The colour of class or run `number` in a file of its own: that of the light page, as hexadecimal sRGB.

    (Oklch to sRGB: Ottosson, A perceptual color space for image processing, 2020.)
    """
    angle = math.radians(hue(number))
    a, b = _CHROMA * math.cos(angle), _CHROMA * math.sin(angle)
    long = (_LIGHTNESS + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (_LIGHTNESS - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (_LIGHTNESS - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(min(1.0, max(0.0, value)))):02x}" for value in linear)


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def dashes(number: int) -> tuple[float, tuple[float, ...]] | str:
    """The line style of class or run `number`, as matplotlib takes it."""
    return (0, (4.0, 2.0)) if is_dashed(number) else "solid"


@contextmanager
def printed(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of that many inches, in the style of the pages while the block lasts."""
    with rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")
