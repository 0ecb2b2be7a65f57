"""What the methods that leave the image alone share: they read the backbone's features of it."""

from __future__ import annotations

from torch import Tensor

from vr.methods.common.base import Context, Method


class FeatureMethod(Method):
    """Reads unit image features (B, D), which training never changes, so they can be computed once."""

    reads = "features"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.image_size = context.backbone.image_size

    def prepare(self, images: Tensor) -> Tensor:
        """Unit image features (B, D)."""
        return self.context.backbone.encode_image(images)
