"""Where the kernels of `vr.clip.vit.kernels` replace PyTorch's operations: for large tensors on a GPU.

An addition and the norm after it read and write a quarter less than they do apart, and the gradients of
queries, keys and values need no concatenation. Before a kernel is first used for a type and a width, its
result on random numbers is compared with PyTorch's. Where it cannot be compiled, or differs, one warning is
logged and PyTorch's operations run. A compiled step does without: its compiler fuses operations itself.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor

_log = logging.getLogger(__name__)

KERNELS = ("norm", "attention")
DEVICES = ("cuda",)
NORM_TYPES = (torch.bfloat16, torch.float32)
ATTENTION_TYPES = (torch.bfloat16,)
LEAST_ELEMENTS = 2**22  # smaller tensors gain less than it takes to start a kernel from Python
MOST_TOKENS = 256
_HEAD_SIZES = (32, 64)
_BLOCKS = {"num_warps": 8, "num_stages": 2}  # of 128 queries and 64 keys: what a processor's registers hold
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 2e-2}  # norm of a difference by that of the result
_off: set[str] = set()


@contextmanager
def without(*kernels: str) -> Iterator[None]:
    """These of `KERNELS` are not used inside: for comparisons."""
    before = set(_off)
    _off.update(kernels)
    try:
        yield
    finally:
        _off.intersection_update(before)


def norms(x: Tensor) -> bool:
    """Whether `sum_and_norm` and `norm_backward` compute the norm of `x` (..., width)."""
    return _usable("norm", x, NORM_TYPES) and _agrees("norm", _norm_error, x.device, x.dtype, x.shape[-1])


def attention(qkv: Tensor, heads: int) -> bool:
    """Whether `attention_backward` computes the gradient of `qkv` (B, N, 3 * width)."""
    tokens, width = qkv.shape[1], qkv.shape[2] // 3
    if tokens > MOST_TOKENS or width % heads or width // heads not in _HEAD_SIZES:
        return False
    return (
        _usable("attention", qkv, ATTENTION_TYPES)
        and _holds_a_head(qkv.device)
        and _agrees("attention", _attention_error, qkv.device, qkv.dtype, heads, tokens, width)
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


def attention_backward(
    gradient: Tensor, qkv: Tensor, attended: Tensor, logsumexp: Tensor, heads: int
) -> Tensor:
    """The gradient of `qkv` (B, N, 3 * width) from that of the output.

    Args:
        gradient, attended: (B, N, width), the output's gradient and the output.
        logsumexp: B * heads * N values, of the scaled scores of each query.
    """
    from vr.clip.vit import kernels

    batch, tokens, width = attended.shape
    queries = min(128, max(16, _power_of_2(tokens)))
    result = torch.empty_like(qkv)
    with torch.cuda.device_of(qkv):
        kernels.attention_backward[(batch * heads,)](
            qkv,
            attended.contiguous(),
            gradient.contiguous(),
            logsumexp.contiguous(),
            result,
            (width // heads) ** -0.5,
            HEADS=heads,
            TOKENS=tokens,
            SIZE=width // heads,
            QUERIES=queries,
            KEYS=min(64, queries),
            TWICE=tokens > queries,
            **_BLOCKS,
        )
    return result


def _row(width: int) -> dict[str, int]:
    """Sizes of a kernel that takes a row per program: eight values per thread."""
    block = _power_of_2(width)
    return {"WIDTH": width, "BLOCK": block, "num_warps": min(8, max(1, block // 256))}


def _power_of_2(least: int) -> int:
    return 1 << (least - 1).bit_length()


def _usable(kernel: str, x: Tensor, types: tuple[torch.dtype, ...]) -> bool:
    return (
        not torch.compiler.is_compiling()
        and x.device.type in DEVICES
        and x.dtype in types
        and x.numel() >= LEAST_ELEMENTS
        and kernel not in _off
        and _has_triton()
    )


@cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None


@cache
def _holds_a_head(device: torch.device) -> bool:
    """Whether a head's queries and sums fit: on a GPU, H100's and H200's; older ones write them to memory."""
    return device.type != "cuda" or torch.cuda.get_device_capability(device) == (9, 0)


@cache
def _agrees(
    kernel: str, error_of: Callable[..., float], device: torch.device, dtype: torch.dtype, *sizes: int
) -> bool:
    """Whether a kernel computes what PyTorch does; the reason is logged where it does not."""
    try:
        error = error_of(device, dtype, *sizes)
        if error < _TOLERANCE[dtype]:
            return True
        reason = f"it is off by {error:.2g}"
    except Exception as failure:  # of a compiler, a driver or a GPU; what it raises is not documented
        reason = (str(failure).strip().splitlines() or [type(failure).__name__])[0]
    _log.warning("the step runs without its %s kernel: %s", kernel, reason)
    return False


def _norm_error(device: torch.device, dtype: torch.dtype, width: int) -> float:
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


def _attention_error(device: torch.device, dtype: torch.dtype, heads: int, tokens: int, width: int) -> float:
    """Relative error of the gradient of two random sequences."""
    from vr.clip.vit.attention import attend, forward

    (qkv,) = _random((1, 2, tokens, 3 * width), device, dtype)
    (gradient,) = _random((1, 2, tokens, width), device, dtype)
    attended, logsumexp = forward(qkv, heads)
    result = attention_backward(gradient, qkv, attended, logsumexp, heads)
    with torch.enable_grad():
        leaf = qkv.requires_grad_()
        query, key, value = leaf.chunk(3, dim=-1)
        (expected,) = torch.autograd.grad(attend(query, key, value, heads), leaf, gradient)
    return _relative(result, expected)


def _random(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    """Normal numbers; the state of no shared generator changes."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device, dtype)


def _relative(result: Tensor, expected: Tensor) -> float:
    return float((result.float() - expected.float()).norm() / expected.float().norm())
