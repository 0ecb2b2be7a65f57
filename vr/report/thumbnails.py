"""Small pictures as data URIs: images of the collection, and learned programs around one of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

import numpy as np
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from attrgen.core.errors import UserError
from vr.data.decoding.resize import to_square
from vr.data.formats.source import ImageSource
from vr.data.loading.parallel import ordered_map
from vr.reprogramming.program import Program

_QUALITY = 82


def thumbnails(source: ImageSource | None, paths: Iterable[str], size: int) -> dict[str, str]:
    """JPEG data URIs by path: short side to `size` pixels, centre crop, as methods see the images.

    Images that cannot be read are left out; without a source, all of them are.
    """
    if source is None:
        return {}
    opened = source

    def work(path: str) -> tuple[str, str | None]:
        try:
            return path, jpeg(pixels(to_square(opened.read(path), size)))
        except UserError:
            return path, None

    made = ordered_map(work, dict.fromkeys(paths), workers=2)
    return {path: uri for path, uri in made if uri is not None}


def program_picture(program: Program) -> str:
    """A PNG of what a program adds, transparent where it adds nothing.

    A program that also darkens is shown around mid-grey.
    """
    added = program.added + 0.5 if bool((program.added < 0).any()) else program.added
    shown = pixels((added.clamp(0, 1) * 255).round().byte())
    alpha = (program.mask * 255).byte().numpy()
    return png(np.dstack([shown, alpha]))


def shown_through(program: Program, image: Tensor) -> str:
    """A PNG of an image (3, s, s) in [0, 1] as the encoder gets it, padded and with the program added."""
    frame = (program.mask.shape[-1] - image.shape[-1]) // 2
    framed = (F.pad(image, (frame, frame, frame, frame)) + program.added).clamp(0, 1)
    return png(pixels((framed * 255).round().byte()))


def pixels(image: Tensor) -> np.ndarray:
    """(H, W, 3) of uint8 (3, H, W)."""
    return image.permute(1, 2, 0).numpy()


def jpeg(values: np.ndarray) -> str:
    """A data URI of (H, W, 3) uint8."""
    return _uri(values, "jpeg", quality=_QUALITY, optimize=True)


def png(values: np.ndarray) -> str:
    """A data URI of (H, W, 3 or 4) uint8."""
    return _uri(values, "png")


def _uri(values: np.ndarray, form: str, **options: object) -> str:
    content = io.BytesIO()
    Image.fromarray(values).save(content, format=form, **options)
    return f"data:image/{form};base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
