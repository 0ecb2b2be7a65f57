"""Tensors of a trained model that a method takes as they are, without copying them into its own."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def stored(tensors: Mapping[str, Tensor], name: str, dtype: torch.dtype = torch.float32) -> Tensor:
    """The tensor of a name.

    Raises:
        KeyError: there is none.
        ValueError: its numbers are of another type than the method wrote.
    """
    tensor = tensors[name]
    if tensor.dtype != dtype:
        raise ValueError(f"{name} has the type {tensor.dtype}")
    return tensor
