"""Encoding reprogrammed images: one interface, the plain path and the fast exact one."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from vr.clip.backbone import Backbone
from vr.clip.vit.read_layers import Unsupported
from vr.reprogramming.fast_encoder import FrameEncoder
from vr.reprogramming.program import encode_reprogrammed


class Encoder(Protocol):
    """Encodes images inside learnable frames. `path` names the implementation, for logs and `config.json`."""

    path: str
    frame: int
    image_size: int

    def prepare(self, images: Tensor) -> Tensor:
        """What no program changes of images (B, 3, image_size, image_size) in [0, 1], batch first."""
        ...

    def encode(self, prepared: Tensor, delta: Tensor) -> Tensor:
        """Unit embeddings (E, B, D) of prepared images through programs (E, 3, H, W)."""
        ...


class PlainEncoder:
    """The reference: a batch of full images for every program through the whole tower."""

    def __init__(self, backbone: Backbone, frame: int, *, because: str = "") -> None:
        self.path = f"plain: {because}" if because else "plain"
        self.backbone = backbone
        self.frame = frame
        self.image_size = backbone.image_size - 2 * frame

    def prepare(self, images: Tensor) -> Tensor:
        """The images themselves."""
        return images

    def encode(self, prepared: Tensor, delta: Tensor) -> Tensor:
        """See `vr.reprogramming.program.encode_reprogrammed`."""
        return encode_reprogrammed(self.backbone, prepared, delta, self.frame)


def make_encoder(backbone: Backbone, frame: int) -> Encoder:
    """The fast encoder where the tower is a known ViT, else the plain one with the reason in its `path`."""
    try:
        return FrameEncoder(backbone, frame)
    except Unsupported as reason:
        return PlainEncoder(backbone, frame, because=str(reason))
