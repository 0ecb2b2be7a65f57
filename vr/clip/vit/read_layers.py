"""Layers of image towers, read by their exact types: a type that is not known here is never guessed."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from vr.clip.vit.linear import Linear, frozen
from vr.clip.vit.mlp import Activation, Mlp
from vr.clip.vit.norm import Norm
from vr.clip.vit.tower import Block

_QUICK_GELU_SLOPE = 1.702


class Unsupported(Exception):
    """Why a tower has no fast path, as a clause that can follow 'plain: '."""


def read_block(
    *,
    heads: int,
    norm1: nn.Module,
    qkv: tuple[Tensor, Tensor | None],
    out: nn.Module,
    scale1: nn.Module,
    norm2: nn.Module,
    up: nn.Module,
    activation: nn.Module,
    down: nn.Module,
    scale2: nn.Module,
    dtype: torch.dtype,
) -> Block:
    """A block in `dtype`.

    Raises:
        Unsupported: the type of a layer is not known.
    """
    name, slope = _activation(activation)
    first, second = read_norm(norm1, dtype), read_norm(norm2, dtype)
    if first is None or second is None:
        raise Unsupported("a block has no norm")
    hidden = Mlp(
        second,
        _scaled(_weights(up), slope, dtype),
        name,
        _scaled(_weights(down), _layer_scale(scale2), dtype, inputs=slope),
    )
    return Block(
        heads=heads,
        norm=first,
        qkv=_linear(*qkv, dtype),
        out=_scaled(_weights(out), _layer_scale(scale1), dtype),
        mlp=hidden,
    )


def with_recomputation(blocks: list[Block]) -> tuple[Block, ...]:
    """The blocks, the first sixth of them recomputing their hidden layer: 3% more work, 7% less memory.

    They are last in the backward pass, when the memory of the other blocks is free again.
    """
    count = len(blocks) // 6
    first = [replace(block, mlp=replace(block.mlp, recompute=True)) for block in blocks[:count]]
    return (*first, *blocks[count:])


def read_norm(module: nn.Module, dtype: torch.dtype) -> Norm | None:
    """A layer norm in `dtype`, or None for an identity."""
    import timm.layers
    from open_clip import transformer

    if type(module) is nn.Identity:
        return None
    known = (nn.LayerNorm, transformer.LayerNorm, transformer.LayerNormFp32)
    expect(module, *known, timm.layers.LayerNorm, timm.layers.LayerNormFp32, what="a norm")
    assert isinstance(module, nn.LayerNorm)
    if getattr(module, "_fast_norm", False):
        raise Unsupported("a norm computes in reduced precision")
    weight, bias = (None if t is None else t.detach().to(dtype) for t in (module.weight, module.bias))
    return Norm(weight, bias, module.eps)


def read_patch(convolution: nn.Module, patch_size: tuple[int, int]) -> Linear:
    """The patch convolution as a layer on a patch's pixels, channels first, float32."""
    expect(convolution, nn.Conv2d, what="the patch embedding")
    assert isinstance(convolution, nn.Conv2d)
    size = tuple(patch_size)
    if (convolution.kernel_size, convolution.stride) != (size, size) or any(convolution.padding):
        raise Unsupported("patches overlap")
    if convolution.groups != 1 or convolution.dilation != (1, 1) or convolution.in_channels != 3:
        raise Unsupported("the patch embedding is not a plain convolution of RGB")
    return _linear(convolution.weight.flatten(1), convolution.bias, torch.float32)


def square(patch_size: tuple[int, int]) -> int:
    """The side of a square patch."""
    if patch_size[0] != patch_size[1]:
        raise Unsupported("patches are not square")
    return patch_size[0]


def expect(module: nn.Module, *types: type, what: str) -> None:
    """Raise `Unsupported` unless a module is exactly of one of these types; a subclass may do anything."""
    if type(module) not in types:
        raise Unsupported(f"{what} is a {type(module).__name__}")


def _activation(module: nn.Module) -> tuple[Activation, float | None]:
    """The activation `f` and a slope `a`, or None for 1, such that it is `f(a * x) / a`.

    QuickGELU, `x * sigmoid(a * x)`, is `silu(a * x) / a`: one kernel that keeps one tensor.
    """
    from open_clip.transformer import QuickGELU
    from timm.layers.activations import GELU, GELUTanh
    from timm.layers.activations import QuickGELU as TimmQuickGELU

    expect(module, nn.GELU, GELU, GELUTanh, QuickGELU, TimmQuickGELU, what="the activation")
    if isinstance(module, (QuickGELU, TimmQuickGELU)):
        return "silu", _QUICK_GELU_SLOPE
    if isinstance(module, GELUTanh) or getattr(module, "approximate", "none") == "tanh":
        return "gelu_tanh", None
    return "gelu", None


def _layer_scale(module: nn.Module) -> Tensor | None:
    from open_clip.transformer import LayerScale
    from timm.layers import LayerScale as TimmLayerScale

    expect(module, nn.Identity, LayerScale, TimmLayerScale, what="the layer scale")
    return None if isinstance(module, nn.Identity) else module.gamma  # type: ignore[return-value]


def _weights(module: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Weight and bias of a linear layer; attention's output projection is a subclass that adds nothing."""
    from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

    expect(module, nn.Linear, NonDynamicallyQuantizableLinear, what="a layer")
    return module.weight, module.bias  # type: ignore[return-value]


def _linear(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Linear:
    return frozen(weight.detach().to(dtype), None if bias is None else bias.detach().to(dtype))


def _scaled(
    weights: tuple[Tensor, Tensor | None],
    outputs: Tensor | float | None,
    dtype: torch.dtype,
    *,
    inputs: float | None = None,
) -> Linear:
    """A linear layer whose outputs are multiplied by `outputs` and whose inputs are divided by `inputs`."""
    weight, bias = weights
    if inputs is not None:
        weight = weight / inputs
    if outputs is not None:
        weight = weight * (outputs[:, None] if isinstance(outputs, Tensor) else outputs)
        bias = None if bias is None else bias * outputs
    return _linear(weight, bias, dtype)
