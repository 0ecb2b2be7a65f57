"""The fast exact way to encode an image inside a learnable frame with a ViT; nothing is approximated.

Patches do not mix before the first attention. Therefore patches of the image alone are embedded once for all
programs, and patches of the frame alone once per step from the programs, never as full images. A patch that
holds both frame and image (ViT-B/32 with a frame of 16) is the sum of the two, because embedding is linear.
All programs share one batch, and only the pooled token passes through the whole last block; see
`vr.clip.vit.tower`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vr.clip.backbone import Backbone
from vr.clip.vit.linear import Linear
from vr.reprogramming.program import frame_mask


class FrameEncoder:
    """Encodes images inside learnable frames through a ViT; see `vr.reprogramming.encoder.Encoder`.

    Args:
        dtype: what the blocks compute in; by default the backbone's precision.

    Raises:
        Unsupported: the tower is not a known ViT, or the tower's results differ from the model's.
    """

    def __init__(self, backbone: Backbone, frame: int, *, dtype: torch.dtype | None = None) -> None:
        self.backbone = backbone
        self.frame = frame
        self.image_size = backbone.image_size - 2 * frame
        self.tower = backbone.tower(dtype)
        self._precompute()
        self.path = "fast, bf16" if self.tower.dtype == torch.bfloat16 else "fast, fp32"

    def _precompute(self) -> None:
        """Which patches the frame touches, and everything about them that never changes."""
        tower, backbone = self.tower, self.backbone
        side = backbone.image_size
        mask = frame_mask(side, self.frame, device=backbone.device).expand(3, side, side)
        patches = tower.patches(mask)
        touched = patches.bool().any(1)
        self._framed, self._inner = touched.nonzero()[:, 0], (~touched).nonzero()[:, 0]
        self._mask = patches[self._framed]
        blank = tower.patches(backbone.normalise(torch.zeros_like(mask)))[self._framed]
        self._blank = tower.patch(blank) + tower.position[self._framed]
        self._mixed = not bool(self._mask.all())
        self._prefix = tower.begin(tower.prefix)[None, None]
        per_pixel = backbone.std.expand(3, tower.patch_size, tower.patch_size).flatten()
        self._program = Linear(tower.patch.weight / per_pixel, None)

    @torch.no_grad()
    def prepare(self, images: Tensor) -> Tensor:
        """Tokens (B, N, d) of image patches, in compute precision.

        Where patches hold both frame and image, the image's share of them is first.
        """
        tower = self.tower
        with torch.autocast(images.device.type, enabled=False):
            shown = F.pad(images.float(), (self.frame,) * 4)
            patches = tower.patches(self.backbone.normalise(shown))
            inner = tower.patch(patches[:, self._inner]) + tower.position[self._inner]
            tokens = tower.begin(inner)
            if self._mixed:
                shared = tower.patch(patches[:, self._framed]) + tower.position[self._framed]
                tokens = torch.cat([shared.to(tokens.dtype), tokens], 1)
            return tokens

    def encode(self, prepared: Tensor, delta: Tensor) -> Tensor:
        """Unit embeddings (E, B, D), float32; gradients reach only the frame of `delta`."""
        with torch.autocast(delta.device.type, enabled=False):
            program = self._program(torch.sigmoid(self.tower.patches(delta)[:, self._framed]) * self._mask)
            if self._mixed:
                shared, image = prepared.split([len(self._framed), len(self._inner)], 1)
                framed = shared[None].float() + program[:, None]
            else:
                image, framed = prepared, (self._blank + program)[:, None]
            parts = (self._prefix, self.tower.begin(framed), image[None])
            return F.normalize(self.tower.encode(parts, len(delta), len(prepared)), dim=-1)
