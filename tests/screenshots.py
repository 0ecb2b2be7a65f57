"""Screenshots of a report: `python tests/screenshots.py RUN`, or FOLDER for the index of its runs.

They go into docs/images.

Needs Chromium and its driver (apt-get install chromium chromium-driver), and the `dev` extra.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from chromium import chromium
from PIL import Image

from vr.report.comparison import results
from vr.report.comparison.index_page import write_index
from vr.runs import run as runs

FOLDER = Path(__file__).parents[1] / "docs" / "images"
Screens = dict[str, tuple[int, int, float, tuple[str, ...]]]
SCREENS: Screens = {  # width, height and scale of the screen, and the sections to which the page is scrolled
    "report-desktop": (1160, 1380, 0.75, ("", "programs")),
    "report-phone": (390, 1080, 0.9, ("", "confusion", "errors", "texts")),
}
INDEX_SCREENS: Screens = {"index-desktop": (1280, 900, 0.75, ("",)), "index-phone": (390, 1180, 0.9, ("",))}
GAP = 24
# Reduced motion, so that a page that is scrolled is where it should be at once.
FLAGS = ("--hide-scrollbars", "--force-prefers-reduced-motion")


def main() -> None:
    """Take some of the page at desktop and at phone width."""
    path = Path(sys.argv[1])
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, chromium(profile, *FLAGS) as browser:
        if (path / runs.CONFIG).is_file():
            page, screens = path / runs.REPORT, SCREENS
        else:
            page, screens = write_index(results.find([path])), INDEX_SCREENS
        _take(browser, page.resolve().as_uri(), screens)


def _take(browser: Any, page: str, screens: Screens) -> None:
    for name, (width, height, scale, sections) in screens.items():
        screen = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        shots = []
        for section in sections:
            browser.get("about:blank")
            browser.get(f"{page}#{section}")
            shots.append(Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB"))
        _save(shots, FOLDER / f"{name}.png")


def _save(shots: list[Image.Image], place: Path) -> None:
    """The shots side by side, in 256 colours, so that the file stays small."""
    width, height = shots[0].size
    sheet = Image.new("RGB", (len(shots) * (width + GAP) - GAP, height), (201, 208, 214))
    for column, shot in enumerate(shots):
        sheet.paste(shot, (column * (width + GAP), 0))
    sheet.quantize(palette=_palette(sheet), dither=Image.Dither.NONE).save(place, optimize=True)
    print(f"{place}: {place.stat().st_size / 1000:.0f} kB, {sheet.width} by {sheet.height}")


def _palette(sheet: Image.Image) -> Image.Image:
    """The page's own colours exactly, be they rare, and those of the photographs roughly."""
    counted = sorted(sheet.getcolors(sheet.width * sheet.height) or [], key=lambda entry: -entry[0])
    common = [color for _, color in counted]
    vivid = [color for color in common if max(color) - min(color) > 60]
    exact = [channel for color in (*vivid[:64], *common[:64]) for channel in color]
    palette = Image.new("P", (1, 1))
    palette.putpalette(exact + (sheet.quantize(128).getpalette() or []))
    return palette


if __name__ == "__main__":
    main()
