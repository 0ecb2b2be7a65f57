"""The near-duplicates across splits on one sheet: one row per pair, the nearest first."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from vr.data.decoding.resize import to_square
from vr.data.formats.source import ImageSource
from vr.data.inspection.near_duplicates import NearDuplicate

_TILE, _GAP, _TEXT = 112, 4, 460
_INK, _PAPER = (20, 20, 20), (255, 255, 255)
MOST_PAIRS = 40


def pair_sheet(source: ImageSource, pairs: Sequence[NearDuplicate]) -> Image.Image:
    """Draw the first `MOST_PAIRS` pairs: the two images, and beside them the cosine, splits and paths.

    Raises:
        UserError: an image cannot be read.
    """
    shown = pairs[:MOST_PAIRS]
    size = (2 * (_TILE + _GAP) + 2 * _GAP + _TEXT, len(shown) * (_TILE + _GAP) + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for row, pair in enumerate(shown):
        top = _GAP + row * (_TILE + _GAP)
        for column, (_, item) in enumerate((pair.first, pair.second)):
            tile = Image.fromarray(to_square(source.read(item.path), _TILE).permute(1, 2, 0).numpy())
            sheet.paste(tile, (_GAP + column * (_TILE + _GAP), top))
        names = [f"{split}  {item.path}" for split, item in (pair.first, pair.second)]
        lines = [f"cosine {pair.cosine:.3f}", *names]
        draw.multiline_text((2 * (_TILE + _GAP) + 2 * _GAP, top + 8), "\n".join(lines), _INK, font, spacing=8)
    return sheet
