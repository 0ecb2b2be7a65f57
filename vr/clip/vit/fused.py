"""Where the kernels of `vr.clip.vit.kernels` replace PyTorch's operations: for large tensors on a GPU.

An addition and the norm after it read and write a quarter less than they do apart. Before the kernels are
first used for a type and a width, their results on random numbers are compared with PyTorch's. Where they
cannot be compiled, or differ, one warning is logged and PyTorch's operations run. A compiled step does
without: its compiler fuses operations itself.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor

_log = logging.getLogger(__name__)

DEVICES = ("cuda",)
TYPES = (torch.bfloat16, torch.float32)
LEAST_ELEMENTS = 2**22  # smaller tensors gain less than it takes to start a kernel from Python
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 2e-2}  # norm of a difference by that of the result
_is_off = False


@contextmanager
def without() -> Iterator[None]:
    """No kernel is used inside: for comparisons."""
    global _is_off
    before, _is_off = _is_off, True
    try:
        yield
    finally:
        _is_off = before


def norms(x: Tensor) -> bool:
    """Whether `sum_and_norm` and `norm_backward` compute the norm of `x` (..., width)."""
    return (
        not torch.compiler.is_compiling()
        and x.device.type in DEVICES
        and x.dtype in TYPES
        and x.numel() >= LEAST_ELEMENTS
        and not _is_off
        and _has_triton()
        and _agree(x.device, x.dtype, x.shape[-1])
    )


def sum_and_norm(
    x: Tensor, delta: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`x + delta` (..., width), its norm, and the mean and 1 / standard deviation of its rows (..., 1)."""
    from vr.clip.vit import kernels

    x, delta = x.contiguous(), delta.contiguous()
    width = x.shape[-1]
    total, normed = torch.empty_like(x), torch.empty_like(x)
    mean, rstd = (x.new_empty(*x.shape[:-1], 1, dtype=torch.float32) for _ in range(2))
    with torch.cuda.device_of(x):
        kernels.sum_and_norm[(x.numel() // width,)](
            x,
            delta,
            x if weight is None else weight,
            x if bias is None else bias,
            total,
            normed,
            mean,
            rstd,
            eps,
            WEIGHTED=weight is not None,
            BIASED=bias is not None,
            **_row(width),
        )
    return total, normed, mean, rstd


def norm_backward(
    gradient: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor | None, residual: Tensor | None
) -> Tensor:
    """The gradient of the input `x` (..., width) of a norm, plus `residual`."""
    from vr.clip.vit import kernels

    gradient = gradient.contiguous()
    residual = None if residual is None else residual.contiguous()
    width = x.shape[-1]
    result = torch.empty_like(x)
    with torch.cuda.device_of(x):
        kernels.norm_backward[(x.numel() // width,)](
            gradient,
            x,
            x if weight is None else weight,
            mean,
            rstd,
            x if residual is None else residual,
            result,
            WEIGHTED=weight is not None,
            RESIDUAL=residual is not None,
            **_row(width),
        )
    return result


def _row(width: int) -> dict[str, int]:
    """Sizes of a kernel that takes a row per program: eight values per thread."""
    block = 1 << (width - 1).bit_length()  # the next power of two
    return {"WIDTH": width, "BLOCK": block, "num_warps": min(8, max(1, block // 256))}


@cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None


@cache
def _agree(device: torch.device, dtype: torch.dtype, width: int) -> bool:
    """Whether the kernels compute what PyTorch does; the reason is logged where they do not."""
    try:
        error = _error(device, dtype, width)
        if error < _TOLERANCE[dtype]:
            return True
        reason = f"they are off by {error:.2g}"
    except Exception as failure:  # of a compiler, a driver or a GPU; what it raises is not documented
        reason = (str(failure).strip().splitlines() or [type(failure).__name__])[0]
    _log.warning("the step runs without its kernels: %s", reason)
    return False


def _error(device: torch.device, dtype: torch.dtype, width: int) -> float:
    """Largest relative error of sum, norm and gradient of random rows."""
    x, delta, gradient, residual = _random((4, 8, width), device, dtype)
    weight, bias = _random((2, width), device, dtype)
    total, normed, mean, rstd = sum_and_norm(x, delta, weight, bias, 1e-5)
    result = norm_backward(gradient, total, mean, rstd, weight, residual)
    expected = x + delta
    shape = expected.shape[-1:]
    expected_norm, *stats = torch.native_layer_norm(expected, shape, weight, bias, 1e-5)
    expected_gradient = (
        residual
        + torch.ops.aten.native_layer_norm_backward(
            gradient, expected, shape, *stats, weight, bias, [True, False, False]
        )[0]
    )
    pairs = ((total, expected), (normed, expected_norm), (result, expected_gradient))
    return max(_relative(*pair) for pair in pairs)


def _random(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    """Normal numbers; the state of no shared generator changes."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device, dtype)


def _relative(result: Tensor, expected: Tensor) -> float:
    return float((result.float() - expected.float()).norm() / expected.float().norm())
