"""The input-space program: a learnable frame around the image, and the plain way to encode it with CLIP."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from attrgen.core.errors import UserError
from vr.clip.backbone import Backbone

PUBLISHED_FRAME = 16 / 224


class Program(NamedTuple):
    """A learned program in a form that can be displayed.

    Attributes:
        added: (3, H, W), added to every image, in pixels of [0, 1] (negative where it darkens), on the CPU.
            Smaller images are first padded with zeros to H by W.
        mask: (H, W), 1 where the program may add.
    """

    added: Tensor
    mask: Tensor


def frame_width(image_size: int, patch_size: int | None) -> int:
    """Default width of the frame in pixels: 16/224 of the image's side.

    Where a patch is at most 1/10 of the side, the width is rounded to whole patches (at least one), so
    that no patch holds both frame and image: 16 at 224/16, 14 at 224/14, 8 at 112/8, 12 at 120/12. Whole
    patches that are larger would cost too much image: with 10 pixels at 80/10 (`mini`) 56% of its area
    remains, and the accuracy of a linear probe is 6 points lower than with 6.
    """
    width = image_size * PUBLISHED_FRAME
    if patch_size and patch_size * 10 <= image_size:
        return max(1, round(width / patch_size)) * patch_size
    return max(1, round(width))


def resolve_frame(backbone: Backbone, frame: int | None) -> int:
    """The given frame, or the default one, in pixels.

    Raises:
        UserError: it leaves nothing of the image.
    """
    width = frame_width(backbone.image_size, backbone.patch_size) if frame is None else frame
    if not 0 < width < backbone.image_size / 2:
        raise UserError(
            f"a frame of {width} pixels leaves nothing of an image of {backbone.image_size} pixels",
            code="reprogramming-frame-too-wide",
            remedy=f"Choose --frame from 1 to {(backbone.image_size - 1) // 2}.",
        )
    return width


def frame_mask(image_size: int, frame: int, *, device: torch.device | None = None) -> Tensor:
    """(image_size, image_size): 1 on the frame, 0 on the centre."""
    mask = torch.ones(image_size, image_size, device=device)
    mask[frame:-frame, frame:-frame] = 0
    return mask


def reprogram(images: Tensor, delta: Tensor, frame: int) -> Tensor:
    """`pad(x) + sigmoid(delta) * M`, every program around every image.

    Args:
        images: (B, 3, s, s) in [0, 1].
        delta: (E, 3, s + 2 frame, s + 2 frame), one program per expert; only its frame is used.

    Returns:
        (E, B, 3, s + 2 frame, s + 2 frame) in [0, 1]; with delta zero the frame is 0.5 grey.
    """
    padded = F.pad(images, (frame, frame, frame, frame))
    mask = frame_mask(delta.shape[-1], frame, device=delta.device)
    return padded[None] + (torch.sigmoid(delta) * mask)[:, None]


def encode_reprogrammed(backbone: Backbone, images: Tensor, delta: Tensor, frame: int) -> Tensor:
    """Unit embeddings (E, B, D) of images (B, 3, s, s) inside the frames of programs (E, 3, H, W).

    This is the plain path, for every image tower and every frame, and the reference for the fast one.
    """
    shown = reprogram(images, delta, frame)
    return backbone.encode_by_model(shown.flatten(0, 1)).unflatten(0, shown.shape[:2])
