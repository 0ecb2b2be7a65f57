"""Attention of a block, from queries, keys and values side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend

from vr.clip.vit import fused


def attention(qkv: Tensor, heads: int) -> Tensor:
    """What each token attends to, (B, N, 3 * width) -> (B, N, width)."""
    if torch.is_grad_enabled() and qkv.requires_grad and fused.attention(qkv, heads):
        result: Tensor = _Attention.apply(qkv, heads)
        return result
    query, key, value = qkv.chunk(3, dim=-1)
    return attend(query, key, value, heads)


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Attention of queries (B, M, width) to keys and values (B, N, width), (B, M, width)."""
    query, key, value = _by_head((query, key, value), heads)
    return _joined(F.scaled_dot_product_attention(query, key, value))


def forward(qkv: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    """The output, and each query's logarithm of the sum of exponentials of its scores.

    By cuDNN where PyTorch would choose it, else by flash attention.
    """
    query, key, value = _by_head(qkv.chunk(3, dim=-1), heads)
    aten = torch.ops.aten
    if qkv.device.type == "cpu":
        results = aten._scaled_dot_product_flash_attention_for_cpu(query, key, value)
    elif torch._fused_sdp_choice(query, key, value) == SDPBackend.CUDNN_ATTENTION.value:
        results = aten._scaled_dot_product_cudnn_attention(query, key, value, None, True)
    else:
        results = aten._scaled_dot_product_flash_attention(query, key, value)
    return _joined(results[0]), results[1]


class _Attention(torch.autograd.Function):
    """The gradients of queries, keys and values are written side by side: none is concatenated."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, heads: int) -> Tensor:
        ctx.heads = heads
        attended, logsumexp = forward(qkv, heads)
        ctx.save_for_backward(qkv, attended, logsumexp)
        return attended

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        qkv, attended, logsumexp = ctx.saved_tensors
        return fused.attention_backward(gradient, qkv, attended, logsumexp, ctx.heads), None


def _by_head(parts: Sequence[Tensor], heads: int) -> list[Tensor]:
    """(B, N, width) -> (B, heads, N, width / heads), views."""
    return [t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in parts]


def _joined(by_head: Tensor) -> Tensor:
    """(B, heads, N, size) -> (B, N, heads * size)."""
    return by_head.transpose(1, 2).flatten(-2)
