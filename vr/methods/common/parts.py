"""What a bank of texts gives to the fused scores: the parts that a method's scores are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from vr.clip.bank import Bank
from vr.reprogramming.score import similarities, top_k_mean

Expert = Literal["positive", "negative"]


@dataclass(frozen=True)
class Part:
    """One bank under one expert. A method's fused scores are the sum of what its parts give.

    Attributes:
        name: an attribute kind, or `labels`.
        bank: the texts and their embeddings.
        features: (B, D) unit features of the images as the expert sees them.
        tau, k: as in `vr.reprogramming.score.score`.
        share: weight of this bank within its expert.
        expert: whose part it is.
        gate: weight of the expert in the fused score, its sign included; broadcasts to (B, C).
    """

    name: str
    bank: Bank
    features: Tensor
    tau: float
    k: int
    share: float = 1.0
    expert: Expert = "positive"
    gate: Tensor | float = 1.0

    @property
    def similarities(self) -> Tensor:
        """(B, C, m) in logit units; -inf where the ragged bank has no text."""
        return similarities(self.features, self.bank, self.tau)

    @property
    def gives(self) -> Tensor:
        """(B, C): what the part adds to the fused scores."""
        return self.gate * self.share * top_k_mean(self.similarities, self.k)
