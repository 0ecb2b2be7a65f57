"""Contributions: what each bank of texts adds to the class scores. The scores are defined as their sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from vr.clip.bank import Bank
from vr.reprogramming.score import similarities, top_k_mean

Expert = Literal["positive", "negative", "visual"]


class Scores(NamedTuple):
    """Class scores of a batch, (B, C) each, in logit units; the experts' only where a method has both."""

    fused: Tensor
    positive: Tensor | None = None
    negative: Tensor | None = None


class Terms(NamedTuple):
    """The texts that a bank's class scores are made of: `score = sum over n of weights * similarities`.

    Attributes:
        similarities: (B, C, n) in logit units, zero where a class has fewer than n texts.
        positions: (B, C, n) in the class's list of texts.
        weights: (B, C, n), zero where a class has fewer than n texts.
    """

    similarities: Tensor
    positions: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Contribution:
    """One bank under one expert: the k nearest texts of a class count alike, or each by a weight of its own.

    Attributes:
        name: an attribute kind, or `labels`.
        bank: the texts and their embeddings; a bank with one list of texts serves all classes.
        features: (B, D) unit features of the images as the expert sees them; (P, B, D) with `programs`.
        programs: (C, m), which of P programs each text is scored through.
        tau, k: as in `vr.reprogramming.score.score`.
        weights: (C, m), of every text in the score of a class; k is then not used.
        share: weight of this bank within its expert.
        expert: the expert that the bank belongs to.
        gate: weight of the expert in the fused score, its sign included; broadcasts to (B, C).
    """

    name: str
    bank: Bank
    features: Tensor
    tau: float
    k: int = 0
    weights: Tensor | None = None
    programs: Tensor | None = None
    share: float = 1.0
    expert: Expert = "positive"
    gate: Tensor | float = 1.0

    @property
    def similarities(self) -> Tensor:
        """(B, C, m) in logit units, (B, 1, m) of a bank for all classes; -inf where there is no text."""
        if self.programs is None:
            return similarities(self.features, self.bank, self.tau)
        through = torch.stack([similarities(rows, self.bank, self.tau) for rows in self.features])
        return through.gather(0, self.programs.expand_as(through[:1]))[0]

    @property
    def score(self) -> Tensor:
        """(B, C): the class scores of the bank alone."""
        if self.weights is None:
            return top_k_mean(self.similarities, self.k)
        return (self.weights * self._present_similarities).sum(-1)

    @property
    def value(self) -> Tensor:
        """(B, C): what the bank adds to the fused scores."""
        return self.gate * self.share * self.score

    @property
    def terms(self) -> Terms:
        """The k nearest texts of each class, or all by what they add; those that add most first."""
        if self.weights is not None:
            added = self.weights * self._present_similarities
            positions = added.abs().argsort(dim=-1, descending=True)
            values, weights = torch.broadcast_tensors(self._present_similarities, self.weights)
            return Terms(values.gather(-1, positions), positions, weights.gather(-1, positions))
        values, positions = self.similarities.topk(min(self.k, self.bank.present.shape[1]), dim=-1)
        present = torch.isfinite(values)
        return Terms(values.masked_fill(~present, 0), positions, present / present.sum(-1, keepdim=True))

    def texts(self, label: int) -> tuple[str, ...]:
        """The texts of a class, in the order of `Terms.positions`."""
        return self.bank.texts[label if len(self.bank.texts) > 1 else 0]

    @property
    def _present_similarities(self) -> Tensor:
        return self.similarities.masked_fill(~self.bank.present, 0)


def total(contributions: Sequence[Contribution]) -> Scores:
    """The scores: an expert's are the shares of its banks, the fused ones the gated sum of the experts'."""
    experts: dict[Expert, Tensor] = {}
    gates: dict[Expert, Tensor | float] = {}
    for term in contributions:
        score = term.share * term.score
        experts[term.expert] = experts[term.expert] + score if term.expert in experts else score
        gates[term.expert] = term.gate
    gated = [gates[expert] * score for expert, score in experts.items()]
    fused = sum(gated[1:], start=gated[0])
    if "negative" not in experts:
        return Scores(fused)
    return Scores(fused, experts["positive"], experts["negative"])
