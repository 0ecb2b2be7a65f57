"""From embeddings to class scores: the pure core of the method. Symbols as in the BioMedVR paper."""

from __future__ import annotations

import torch
from torch import Tensor

from vr.clip.bank import Bank


def similarities(features: Tensor, bank: Bank, tau: float) -> Tensor:
    """`tau * <z, t>`: (B, C, m) for unit features (B, D); -inf where the ragged bank has no attribute."""
    products = tau * torch.einsum("bd,cmd->bcm", features, bank.embeddings)
    return products.masked_fill(~bank.present, float("-inf"))


def top_k_mean(similarity: Tensor, k: int) -> Tensor:
    """Mean of the k largest entries of the last axis, (B, C, m) -> (B, C).

    A class with fewer than k attributes averages all of them; -inf marks a missing attribute.
    """
    largest = similarity.topk(min(k, similarity.shape[-1]), dim=-1).values
    present = torch.isfinite(largest)
    return largest.masked_fill(~present, 0).sum(-1) / present.sum(-1)


def score(features: Tensor, bank: Bank, *, tau: float, k: int) -> Tensor:
    """`topk(z, T)`: (B, C) class scores of unit features (B, D) against a bank."""
    return top_k_mean(similarities(features, bank, tau), k)
