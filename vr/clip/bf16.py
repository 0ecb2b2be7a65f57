"""Whether a backbone gains from bf16 on a CPU, and loses nothing: what `--precision auto` asks there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from vr.clip.backbone import Backbone
from vr.clip.vit.read_layers import Unsupported
from vr.runtime.device import computes_in_bf16

# Of the image tower. Smaller ones take little time, and in fp32 every processor gives the same figures.
LEAST_PARAMETERS = 20_000_000
LEAST_COSINE = 0.99
_IMAGES, _TEXTS = 2, 8
_agreeing: dict[str, bool] = {}  # by the backbone's id


def gains_from_bf16(backbone: Backbone) -> bool:
    """Whether this backbone, loaded in fp32 on a CPU, should compute in bf16.

    The processor has bf16 arithmetic, the image tower is large and a known ViT (others are slower in bf16),
    and the gradient by which programs are trained has nearly the direction that it has in fp32.
    """
    if backbone.device.type != "cpu" or not computes_in_bf16(backbone.device):
        return False
    tower = getattr(backbone.model, "visual", backbone.model)
    if sum(parameter.numel() for parameter in tower.parameters()) < LEAST_PARAMETERS:
        return False
    if backbone.id not in _agreeing:  # asked by every cell of a sweep
        try:
            backbone.tower(torch.bfloat16)
        except Unsupported:
            return False
        _agreeing[backbone.id] = gradient_cosine(backbone) >= LEAST_COSINE
    return _agreeing[backbone.id]


def gradient_cosine(backbone: Backbone) -> float:
    """Cosine, in [-1, 1], of the gradients in fp32 and in bf16 of a loss by the pixels of noise images."""
    exact = _gradient(backbone, replace(backbone, precision="fp32").encode_by_model)
    fast = _gradient(backbone, replace(backbone, precision="bf16").encode_image)
    return float(F.cosine_similarity(exact.flatten(), fast.flatten(), dim=0))


def _gradient(backbone: Backbone, encode: Callable[[Tensor], Tensor]) -> Tensor:
    """Of the cross-entropy of noise images against random texts, (B, 3, image_size, image_size)."""
    generator = torch.Generator().manual_seed(0)
    side, device = backbone.image_size, backbone.device
    pixels = torch.rand(_IMAGES, 3, side, side, generator=generator).to(device).requires_grad_()
    features = encode(pixels)
    texts = F.normalize(torch.randn(_TEXTS, features.shape[1], generator=generator), dim=-1).to(device)
    loss = F.cross_entropy(backbone.tau * features @ texts.T, torch.arange(_IMAGES, device=device))
    return torch.autograd.grad(loss, pixels)[0]
