"""Layer normalisation, alone and together with the addition before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vr.clip.vit import fused


@dataclass(frozen=True)
class Norm:
    """Layer normalisation of the last axis."""

    weight: Tensor | None
    bias: Tensor | None
    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        """(..., width) -> the same shape."""
        return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)

    def after(self, x: Tensor, delta: Tensor | None) -> tuple[Tensor, Tensor]:
        """`x + delta` and its norm, both (..., width); without `delta`, `x` and its norm."""
        if delta is None:
            return x, self(x)
        if torch.compiler.is_compiling():
            total = x + delta
            return total, self(total)
        total, normed = _After.apply(x, delta, self)
        return total, normed

    def forward(self, x: Tensor, delta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`x + delta`, its norm, and the mean and 1 / standard deviation of rows (..., 1)."""
        if fused.norms(x):
            return fused.sum_and_norm(x, delta, self.weight, self.bias, self.eps)
        total = x + delta
        return total, *torch.native_layer_norm(total, x.shape[-1:], self.weight, self.bias, self.eps)

    def backward(
        self, gradient: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, residual: Tensor | None
    ) -> Tensor:
        """The gradient of the norm's input `x`: through the norm, plus `residual`, which came beside it."""
        if fused.norms(x):
            return fused.norm_backward(gradient, x, mean, rstd, self.weight, residual)
        result: Tensor = torch.ops.aten.native_layer_norm_backward(
            gradient, x, x.shape[-1:], mean, rstd, self.weight, self.bias, [True, False, False]
        )[0]
        return result if residual is None else result.add_(residual)


class _After(torch.autograd.Function):
    """Keeps the sum, not its terms, and adds both of its gradients in one pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, delta: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        ctx.norm = norm
        total, normed, mean, rstd = norm.forward(x, delta)
        ctx.save_for_backward(total, mean, rstd)
        return total, normed

    @staticmethod
    def backward(ctx: Any, residual: Tensor | None, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        result = ctx.norm.backward(gradient, *ctx.saved_tensors, residual)
        return result, result, None
