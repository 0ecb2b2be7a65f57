"""Attention by products against PyTorch's own, and where it is used."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from vr.clip.vit import attention as module
from vr.clip.vit.attention import attention


def parts(tokens: int, dtype: torch.dtype, width: int = 16) -> list[Tensor]:
    """Queries, keys and values (2, 3, tokens, width)."""
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randn(2, 3, tokens, width, generator=generator) for _ in range(3)]
    return [part.to(dtype).requires_grad_() for part in drawn]


def result_and_gradients(function: object, given: list[Tensor]) -> list[Tensor]:
    result = function(*given)  # type: ignore[operator]
    weights = torch.linspace(-1, 1, result.numel()).view_as(result)
    return [result, *torch.autograd.grad((result.float() * weights).sum(), given)]


def error(result: Tensor, expected: Tensor) -> float:
    return float((result.float() - expected).norm() / expected.norm())


@pytest.mark.parametrize("tokens", [1, 17, 72])
def test_products_are_as_exact_as_bf16_allows(tokens: int) -> None:
    given = parts(tokens, torch.bfloat16)
    exact = [part.detach().float().requires_grad_() for part in given]
    expected = result_and_gradients(F.scaled_dot_product_attention, exact)
    for ours, value in zip(result_and_gradients(attention, given), expected, strict=True):
        if float(value.norm()) > 1e-3:  # with one token, queries and keys have no gradient
            assert error(ours, value) < 2**-7  # bf16 has 8 bits


def test_one_query_for_all_tokens() -> None:
    query, key, value = parts(20, torch.bfloat16)
    whole = attention(query, key, value)
    assert torch.equal(attention(query[..., :1, :], key, value), whole[..., :1, :])


def test_large_scores_are_exact_without_a_gradient() -> None:
    given = parts(60, torch.bfloat16)
    query, key, value = 4 * given[0], 4 * given[1], given[2]
    expected = F.scaled_dot_product_attention(query.float(), key.float(), value.float())
    with torch.no_grad():
        assert error(attention(query, key, value), expected) < 2**-8
    assert 2**-8 < error(attention(query, key, value), expected) < 2**-5  # rounded before the softmax


@pytest.mark.parametrize(
    ("tokens", "dtype", "products"),
    [(72, torch.bfloat16, True), (73, torch.bfloat16, False), (9, torch.float32, False)],
)
def test_long_sequences_and_fp32_take_the_fused_kernel(
    tokens: int, dtype: torch.dtype, products: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[bool] = []
    original = F.scaled_dot_product_attention

    def spy(*given: Tensor) -> Tensor:
        called.append(True)
        return original(*given)

    monkeypatch.setattr(module.F, "scaled_dot_product_attention", spy)
    attention(*parts(tokens, dtype))
    assert bool(called) is not products
    with torch.no_grad():
        attention(*parts(tokens, dtype))
    assert called  # evaluation always does
