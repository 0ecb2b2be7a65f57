"""Linear layers whose weights never change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Linear:
    """`x @ weight.T + bias`, weight (out, in), without gradients for either and without keeping `x`.

    Attributes:
        one_dnn: whether oneDNN computes the products.
    """

    weight: Tensor
    bias: Tensor | None
    one_dnn: bool = False

    @cached_property
    def transposed(self) -> Tensor:
        """weight.T, contiguous: a copy, which only gradients need."""
        return self.weight.t().contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        if not self.one_dnn or torch.compiler.is_compiling():
            return F.linear(x, self.weight, self.bias)
        result: Tensor = _OneDnnLinear.apply(x, self)
        return result

    def backward(self, gradient: Tensor) -> Tensor:
        """The gradient of the input, (..., out) -> (..., in)."""
        if not self.one_dnn:
            return gradient @ self.weight
        return _product(gradient, self.transposed, None)

    def outputs(self, x: Tensor, start: int, stop: int | None = None) -> Tensor:
        """Only the outputs from `start` to `stop`, (..., in) -> (..., stop - start).

        It takes slices of the weights rather than making another layer: no object may be built inside a
        compiled step.
        """
        return F.linear(x, self.weight[start:stop], None if self.bias is None else self.bias[start:stop])


def frozen(weight: Tensor, bias: Tensor | None) -> Linear:
    """A layer of these weights, in the form that is fastest on their device.

    In float32 on x86 processors PyTorch multiplies with MKL. oneDNN is 10 to 15% faster on AMD's and as fast
    on Intel's; it needs the weights of the backward pass transposed in memory.
    """
    return Linear(weight, bias, _one_dnn(weight))


def _one_dnn(weight: Tensor) -> bool:
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


class _OneDnnLinear(torch.autograd.Function):
    """The gradient of oneDNN's product, which autograd does not know; `x` is not kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Linear) -> Tensor:
        ctx.layer = layer
        return _product(x, layer.weight, layer.bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.layer.backward(gradient), None


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return result
