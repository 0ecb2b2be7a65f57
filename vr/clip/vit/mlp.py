"""The MLP of a ViT's block, `x + down(f(up(norm(x))))`, with frozen weights and little memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from vr.clip.vit.linear import Linear

Activation = Literal["gelu", "gelu_tanh", "silu"]


@dataclass(frozen=True)
class Norm:
    """Layer normalisation of the last axis."""

    weight: Tensor | None
    bias: Tensor | None
    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        """(..., width) -> the same shape."""
        return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)


@dataclass(frozen=True)
class Mlp:
    """Norm, layer, activation, layer, added to the input.

    Attributes:
        recompute: compute the hidden layer, four times as wide as the input, again in the backward pass
            instead of keeping it: 1/6 more work and 4/10 less memory per block.
    """

    norm: Norm
    up: Linear
    activation: Activation
    down: Linear
    recompute: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        """(..., d) -> the same shape."""
        if torch.compiler.is_compiling():  # the compiler decides what to keep
            return x + self.down(activate(self.activation, self.hidden(x)))
        result: Tensor = _Mlp.apply(x, self)
        return result

    def hidden(self, x: Tensor) -> Tensor:
        """The hidden layer before its activation."""
        return self.up(self.norm(x))


class _Mlp(torch.autograd.Function):
    """Keeps only the input and the hidden layer, and reuses the gradient's memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mlp: Mlp) -> Tensor:
        norm = mlp.norm
        normed, mean, rstd = torch.native_layer_norm(x, x.shape[-1:], norm.weight, norm.bias, norm.eps)
        hidden = mlp.up(normed)
        ctx.mlp = mlp
        ctx.save_for_backward(x, mean, rstd, *([] if mlp.recompute else [hidden]))
        return mlp.down(activate(mlp.activation, hidden)).add_(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        mlp: Mlp = ctx.mlp
        x, mean, rstd, *kept = ctx.saved_tensors
        hidden = kept[0] if kept else mlp.hidden(x)
        inner = backward_(mlp.activation, mlp.down.backward(gradient), hidden)
        inner = mlp.up.backward(inner)
        inner = torch.ops.aten.native_layer_norm_backward(
            inner, x, x.shape[-1:], mean, rstd, mlp.norm.weight, mlp.norm.bias, [True, False, False]
        )[0]
        return inner.add_(gradient), None


def activate(activation: Activation, x: Tensor) -> Tensor:
    """`f(x)`."""
    if activation == "silu":
        return F.silu(x)
    return F.gelu(x, approximate="tanh" if activation == "gelu_tanh" else "none")


def backward_(activation: Activation, gradient: Tensor, x: Tensor) -> Tensor:
    """`gradient * f'(x)`, in the memory of `gradient`."""
    if activation == "silu":
        return torch.ops.aten.silu_backward.grad_input(gradient, x, grad_input=gradient)
    approximate = "tanh" if activation == "gelu_tanh" else "none"
    gelu = torch.ops.aten.gelu_backward.grad_input
    return gelu(gradient, x, approximate=approximate, grad_input=gradient)
