"""Triton kernels of the training step on a GPU; `vr.clip.vit.fused` decides where they run.

Sums are float32 whatever the tensors' type is. Sizes are known when a kernel is compiled; nothing is tuned at
run time, which would cost seconds at every start.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def sum_and_norm(
    x,
    delta,
    weight,
    bias,
    total,
    normed,
    means,
    rstds,
    eps,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    WEIGHTED: tl.constexpr,
    BIASED: tl.constexpr,
):
    """`total = x + delta` and its layer norm, a row of WIDTH values per program."""
    row = tl.program_id(0)
    columns = tl.arange(0, BLOCK)
    inside = columns < WIDTH
    at = row.to(tl.int64) * WIDTH + columns
    added = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
    added += tl.load(delta + at, mask=inside, other=0.0).to(tl.float32)
    rounded = added.to(total.dtype.element_ty)
    tl.store(total + at, rounded, mask=inside)
    value = rounded.to(tl.float32)  # the backward pass reads the rounded sum
    mean = tl.sum(value, 0) / WIDTH
    centred = tl.where(inside, value - mean, 0.0)
    rstd = 1.0 / tl.sqrt(tl.sum(centred * centred, 0) / WIDTH + eps)
    tl.store(means + row, mean)
    tl.store(rstds + row, rstd)
    result = centred * rstd
    if WEIGHTED:
        result *= tl.load(weight + columns, mask=inside, other=0.0).to(tl.float32)
    if BIASED:
        result += tl.load(bias + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(normed + at, result.to(normed.dtype.element_ty), mask=inside)


@triton.jit
def norm_backward(
    gradient,
    x,
    weight,
    means,
    rstds,
    residual,
    result,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    WEIGHTED: tl.constexpr,
    RESIDUAL: tl.constexpr,
):
    """The gradient of a layer norm's input, plus `residual`, a row of WIDTH values per program."""
    row = tl.program_id(0)
    columns = tl.arange(0, BLOCK)
    inside = columns < WIDTH
    at = row.to(tl.int64) * WIDTH + columns
    inner = tl.load(gradient + at, mask=inside, other=0.0).to(tl.float32)
    if WEIGHTED:
        inner *= tl.load(weight + columns, mask=inside, other=0.0).to(tl.float32)
    rstd = tl.load(rstds + row)
    standard = (tl.load(x + at, mask=inside, other=0.0).to(tl.float32) - tl.load(means + row)) * rstd
    standard = tl.where(inside, standard, 0.0)
    along = tl.sum(inner * standard, 0) / WIDTH
    value = (inner - tl.sum(inner, 0) / WIDTH - standard * along) * rstd
    if RESIDUAL:
        value += tl.load(residual + at, mask=inside, other=0.0).to(tl.float32)
    tl.store(result + at, value.to(result.dtype.element_ty), mask=inside)
