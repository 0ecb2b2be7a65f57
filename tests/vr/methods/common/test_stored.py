"""Tensors that a method takes as they are."""

from __future__ import annotations

import pytest
import torch

from vr.methods.common.stored import stored


def test_a_tensor_of_its_type_is_taken_as_it_is() -> None:
    weight, rows = torch.rand(2, 3), torch.arange(3)
    assert stored({"weight": weight}, "weight") is weight
    assert stored({"rows": rows}, "rows", torch.int64) is rows


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.uint8])
def test_another_type_is_refused(dtype: torch.dtype) -> None:
    with pytest.raises(ValueError, match="keys has the type"):
        stored({"keys": torch.ones(2, dtype=dtype)}, "keys")


def test_none_is_refused() -> None:
    with pytest.raises(KeyError):
        stored({}, "keys")
