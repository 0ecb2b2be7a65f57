"""Triton kernels of the training step on a GPU; `vr.clip.vit.fused` decides where they run.

Sums are float32 whatever the tensors' type is. Sizes are known when a kernel is compiled; nothing is tuned at
run time, which would cost seconds at every start.
"""

from __future__ import annotations

import triton
import triton.language as tl

_LOG2_E = tl.constexpr(1.4426950408889634)


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


@triton.jit
def attention_backward(
    qkv,
    attended,
    gradient,
    logsumexp,
    result,
    scale,
    HEADS: tl.constexpr,
    TOKENS: tl.constexpr,
    SIZE: tl.constexpr,
    QUERIES: tl.constexpr,
    KEYS: tl.constexpr,
    TWICE: tl.constexpr,
):
    """The gradient of queries, keys and values, side by side as in `qkv`; one head of one image per program.

    All queries of a head, in one or two halves of QUERIES rows, stay in the processor; keys and values pass
    by in blocks of KEYS rows. So no gradient is added up in memory, and none is concatenated.
    """
    image, head = tl.program_id(0) // HEADS, tl.program_id(0) % HEADS
    width: tl.constexpr = HEADS * SIZE
    row = image.to(tl.int64) * TOKENS * width
    qkv += 3 * row + head * SIZE
    result += 3 * row + head * SIZE
    attended += row + head * SIZE
    gradient += row + head * SIZE
    logsumexp += tl.program_id(0).to(tl.int64) * TOKENS
    query, outer, sums, dot = _queries(qkv, attended, gradient, logsumexp, 0, TOKENS, width, QUERIES, SIZE)
    dq = tl.zeros([QUERIES, SIZE], tl.float32)
    if TWICE:
        query_2, outer_2, sums_2, dot_2 = _queries(
            qkv, attended, gradient, logsumexp, QUERIES, TOKENS, width, QUERIES, SIZE
        )
        dq_2 = tl.zeros([QUERIES, SIZE], tl.float32)
    for start in range(0, TOKENS, KEYS):
        rows = start + tl.arange(0, KEYS)
        inside = rows < TOKENS
        at = rows[:, None] * (3 * width) + tl.arange(0, SIZE)[None, :]
        key = tl.load(qkv + width + at, mask=inside[:, None], other=0.0)
        value = tl.load(qkv + 2 * width + at, mask=inside[:, None], other=0.0)
        dk, dv = tl.zeros([KEYS, SIZE], tl.float32), tl.zeros([KEYS, SIZE], tl.float32)
        dq, dk, dv = _add(query, outer, sums, dot, key, value, inside, scale, dq, dk, dv)
        if TWICE:
            dq_2, dk, dv = _add(query_2, outer_2, sums_2, dot_2, key, value, inside, scale, dq_2, dk, dv)
        tl.store(result + width + at, (dk * scale).to(key.dtype), mask=inside[:, None])
        tl.store(result + 2 * width + at, dv.to(key.dtype), mask=inside[:, None])
    _store(result, dq * scale, 0, TOKENS, width, QUERIES, SIZE)
    if TWICE:
        _store(result, dq_2 * scale, QUERIES, TOKENS, width, QUERIES, SIZE)


@triton.jit
def _queries(
    qkv,
    attended,
    gradient,
    logsumexp,
    start: tl.constexpr,
    TOKENS: tl.constexpr,
    WIDTH: tl.constexpr,
    QUERIES: tl.constexpr,
    SIZE: tl.constexpr,
):
    """Of rows from `start`: queries, gradients of the output, sums of scores (base 2), output by gradient."""
    rows = start + tl.arange(0, QUERIES)
    inside = rows < TOKENS
    columns = tl.arange(0, SIZE)[None, :]
    query = tl.load(qkv + rows[:, None] * (3 * WIDTH) + columns, mask=inside[:, None], other=0.0)
    at = rows[:, None] * WIDTH + columns
    outer = tl.load(gradient + at, mask=inside[:, None], other=0.0)
    output = tl.load(attended + at, mask=inside[:, None], other=0.0)
    dot = tl.sum(output.to(tl.float32) * outer.to(tl.float32), 1)
    # A row without a token attends to nothing: exp2(-inf) is 0.
    sums = tl.load(logsumexp + rows, mask=inside, other=float("inf")) * _LOG2_E
    return query, outer, sums, dot


@triton.jit
def _add(query, outer, sums, dot, key, value, inside, scale, dq, dk, dv):
    """Add to the gradients what these queries and these keys and values give; without the scale of scores."""
    score = tl.dot(query, tl.trans(key)) * (scale * _LOG2_E)
    share = tl.where(inside[None, :], tl.exp2(score - sums[:, None]), 0.0)
    d_score = (share * (tl.dot(outer, tl.trans(value)) - dot[:, None])).to(query.dtype)
    dv = tl.dot(tl.trans(share.to(query.dtype)), outer, acc=dv)
    dk = tl.dot(tl.trans(d_score), query, acc=dk)
    dq = tl.dot(d_score, key, acc=dq)
    return dq, dk, dv


@triton.jit
def _store(
    result,
    block,
    start: tl.constexpr,
    TOKENS: tl.constexpr,
    WIDTH: tl.constexpr,
    QUERIES: tl.constexpr,
    SIZE: tl.constexpr,
):
    """Write the gradient of the queries from row `start`."""
    rows = start + tl.arange(0, QUERIES)
    at = rows[:, None] * (3 * WIDTH) + tl.arange(0, SIZE)[None, :]
    tl.store(result + at, block.to(result.dtype.element_ty), mask=(rows < TOKENS)[:, None])
