"""`vr data show`: what a model sees of a file, as a PNG, and the rules by which it came about."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.files import whole_file
from vr.data.decoding.decoded import Decoded, Rule
from vr.data.loading.unlabelled import UnlabelledFiles

if TYPE_CHECKING:
    from PIL import Image

    from vr.clip.preprocessing import Preprocessing


@dataclass(frozen=True)
class Target:
    """An image file, and the PNG that shows it."""

    file: str
    png: Path


def targets(files: Sequence[str], out: Path) -> list[Target]:
    """A PNG in the folder `out` for each file: its path below the folder that all share, and `.png`."""
    absolute = [os.path.abspath(file) for file in files]  # noqa: PTH100 - symbolic links stay as they are
    parents = {os.path.dirname(file) for file in absolute}  # noqa: PTH120
    shared = os.path.commonpath(parents) if parents else ""
    return [
        Target(file, out / f"{os.path.relpath(path, shared)}.png")
        for file, path in zip(files, absolute, strict=True)
    ]


def show(target: Target, source: UnlabelledFiles, preprocessing: Preprocessing | None = None) -> Decoded:
    """Write the PNG of a file, and return the image with the rules that were applied.

    Args:
        preprocessing: a model's; without it, the decoded image is shown.

    Raises:
        UserError: the file cannot be read, or the PNG cannot be written.
    """
    seen = source.decoded(target.file)
    if preprocessing is not None:
        seen = preprocessed(seen, preprocessing)
    with whole_file(target.png) as temporary:
        seen.image.save(temporary, format="PNG")
    return seen


def preprocessed(decoded: Decoded, preprocessing: Preprocessing) -> Decoded:
    """The square that a model evaluates, before its pixels are normalised."""
    from PIL import Image

    from vr.data.decoding.resize import to_square

    pixels = to_square(decoded.image, preprocessing.size, preprocessing)
    image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    return Decoded(image, (*decoded.rules, Rule("resize", _resize(decoded.image, preprocessing))))


def _resize(image: Image.Image, preprocessing: Preprocessing) -> str:
    size = preprocessing.size
    how = {
        "shortest": f"short side to {size}, centre cropped",
        "longest": f"long side to {size}, filled with {preprocessing.fill_color}",
        "squash": f"both sides to {size}",
    }[preprocessing.resize_mode]
    mode = f"{preprocessing.resize_mode}, {preprocessing.interpolation}"
    return f"{image.width} by {image.height} pixels, {how} ({mode})"
