"""The style of all figures, and figures as SVG within a page: text stays text, colours are the page's.

A figure of a page is drawn in placeholder colours, each of which becomes a CSS variable, so that one drawing
serves light, dark and paper. A figure in a file of its own has the colours of the light page.
"""

from __future__ import annotations

import io
import math
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

INK, SOFT, GRID, PAPER, ACCENT, SECOND = (f"#0{n}0{n}0{n}" for n in range(1, 7))
_LIGHT = {INK: "#17212b", SOFT: "#5a6672", GRID: "#dde3e8", PAPER: "#ffffff"}  # as in style.css
_LIGHTNESS, _CHROMA = 0.54, 0.15
_NAMED = {INK: "ink", SOFT: "soft", GRID: "line", PAPER: "paper", ACCENT: "accent", SECOND: "second"}
_SERIES = "#0700"
SERIES = 12
_FONT_SIZE = 11.0
_PADDING = 4  # pixels around labels at the edge: fonts of browsers differ a little
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.parse_math": False,  # a class name may hold a dollar sign
    "font.size": _FONT_SIZE,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": SOFT,
    "axes.labelsize": _FONT_SIZE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "xtick.labelsize": _FONT_SIZE,
    "ytick.labelsize": _FONT_SIZE,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
}


def series_color(number: int) -> str:
    """The placeholder colour of class or run `number`; in the page `var(--series-N)`."""
    return f"{_SERIES}{number % SERIES:02x}"


def hue(number: int) -> int:
    """The hue of class or run `number` in degrees: neighbours are far apart, the first is blue."""
    order = (255, 45, 150, 340, 90, 200, 300, 15, 120, 225, 70, 175)
    return order[number % SERIES]


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
    """The line style of class or run `number`: hues alone stop telling lines apart after six."""
    return ("solid", (0, (4.0, 2.0)))[number // 6 % 2]


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of that many CSS pixels, in the page's style while the block lasts."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(width / 72, height / 72))
        FigureCanvasSVG(figure)
        yield figure


@contextmanager
def printed(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of that many inches for a file of its own, in the style of the pages."""
    colors = {
        key: _LIGHT[value] for key, value in _STYLE.items() if isinstance(value, str) and value in _LIGHT
    }
    with rc_context({**_STYLE, **colors, "figure.facecolor": "white", "legend.frameon": False}):
        yield Figure(figsize=(width, height), layout="constrained")


def axes(figure: Figure, left: float, bottom: float, right: float = 10, top: float = 10) -> Any:
    """Axes that leave so many pixels at each side."""
    width, height = (72 * inches for inches in figure.get_size_inches())
    return figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    )


def inline(figure: Figure, alt: str) -> Markup:
    """The figure as an `<svg>` element with `alt` as its text alternative; call it within `drawing`.

    It grows where a label reaches beyond it, so that none is cut.
    """
    content = io.StringIO()
    box = Bbox.union([figure.bbox_inches, figure.get_tightbbox().padded(_PADDING / 72)])
    metadata = {"Date": None, "Creator": None, "Format": None}
    figure.savefig(content, format="svg", metadata=metadata, bbox_inches=box)
    width, height = (math.ceil(72 * inches) for inches in box.size)
    body = content.getvalue().partition("<defs>")[2].rpartition("</svg>")[0]
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)  # it would rule the whole page
    body = re.sub(r"font-family: [^;\"]+;?", "", body)
    body = re.sub(r"(font: [^;\"]*?px) [^;\"]+", r"\1 var(--sans)", body).replace("xlink:href", "href")
    body = re.sub(rf"{_SERIES}([0-9a-f]{{2}})", lambda match: f"var(--series-{int(match[1], 16)})", body)
    for color, name in _NAMED.items():
        body = body.replace(color, f"var(--{name})")
    body = re.sub(r"\s+", " ", _distinct_ids(body, alt))
    head = f'viewBox="0 0 {width} {height}" style="--width: {width}px" role="img" aria-label="{escape(alt)}"'
    return Markup(f"<svg {head}><defs>{body}</svg>")  # all text in it was escaped by matplotlib


def _distinct_ids(body: str, salt: str) -> str:
    """Drop ids that are not referenced, and make the others differ from those of other figures."""
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', body))
    prefix = f"f{zlib.crc32(salt.encode()):08x}"

    def renamed(match: re.Match[str]) -> str:
        return f' id="{prefix}-{match[1]}"' if match[1] in used else ""

    body = re.sub(r' id="([^"]+)"', renamed, body)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", body)
