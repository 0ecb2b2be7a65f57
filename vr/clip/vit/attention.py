"""Attention, in the way that is fastest on a device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_MOST_KEPT = 1.5  # probabilities that are kept for the gradient, over the numbers of queries, keys and values


def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """`softmax(q k^T / sqrt(D)) v`, (B, H, M, D), of queries (B, H, M, D), keys and values (B, H, N, D).

    In bf16 on a CPU the gradient of PyTorch's fused attention is slow; with two products and a softmax, both
    directions together are 2 to 5 times faster. They round the scores to bf16 before the softmax, by 2**-9 of
    each, so they are used for gradients alone; and they keep the probabilities, so for short sequences alone.
    """
    if _by_products(query, key):
        return ((query @ key.mT) * query.shape[-1] ** -0.5).softmax(-1) @ value
    return F.scaled_dot_product_attention(query, key, value)


def _by_products(query: Tensor, key: Tensor) -> bool:
    """Whether products are faster, exact enough, and take little memory."""
    if query.device.type != "cpu" or query.dtype != torch.bfloat16 or not torch.is_grad_enabled():
        return False
    tokens, width = key.shape[-2:]
    return (query.requires_grad or key.requires_grad) and tokens <= _MOST_KEPT * 3 * width
