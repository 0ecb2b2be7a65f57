"""`vr data preview`: the few-shot sample on one sheet, one row per class, and one image in its frame."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from vr.data.decoding.resize import to_square
from vr.data.formats.source import ImageSource, Item
from vr.data.sampling.fewshot import FewShot

_TILE, _GAP, _TITLE = 96, 4, 20
_LARGE = 224
_INK, _PAPER = (20, 20, 20), (255, 255, 255)


def contact_sheet(source: ImageSource, sample: FewShot, *, frame: float = 16 / 224) -> Image.Image:
    """Draw the sample.

    Args:
        frame: width of the program's frame as a share of the image; it is drawn grey, as it is initialised.

    Returns:
        RGB: for each class a title, a row of training images and, after a gap, validation images; at the
        bottom one image within the untrained program.

    Raises:
        UserError: an image cannot be read.
    """
    rows = [
        (name, _of_class(sample.train, label), _of_class(sample.val, label))
        for label, name in enumerate(sample.classes)
    ]
    columns = max(len(train) + len(val) for _, train, val in rows)
    width = max(_GAP + columns * (_TILE + _GAP) + _GAP, _LARGE + 2 * _GAP, 480)
    height = len(rows) * (_TITLE + _TILE + _GAP) + _TITLE + _LARGE + 2 * _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    top = 0
    for name, train, val in rows:
        draw.text((_GAP, top + 3), f"{name}: {len(train)} to train, {len(val)} to validate", _INK, font)
        top += _TITLE
        left = _GAP
        for index, item in enumerate((*train, *val)):
            left += 2 * _GAP if index == len(train) else 0
            sheet.paste(_square(source, item, _TILE), (left, top))
            left += _TILE + _GAP
        top += _TILE + _GAP
    draw.text((_GAP, top + 3), "the first image within an untrained program", _INK, font)
    sheet.paste(
        framed(_square(source, sample.train[0], _LARGE - 2 * round(frame * _LARGE)), _LARGE),
        (_GAP, top + _TITLE),
    )
    return sheet


def framed(image: Image.Image, size: int) -> Image.Image:
    """An image in the middle of the 0.5 grey that a program starts as (sigmoid of zero)."""
    grey = Image.new("RGB", (size, size), (128, 128, 128))
    grey.paste(image, ((size - image.width) // 2, (size - image.height) // 2))
    return grey


def _of_class(items: Sequence[Item], label: int) -> list[Item]:
    return [item for item in items if item.label == label]


def _square(source: ImageSource, item: Item, size: int) -> Image.Image:
    return Image.fromarray(to_square(source.read(item.path), size).permute(1, 2, 0).numpy())
