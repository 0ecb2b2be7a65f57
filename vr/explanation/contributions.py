"""Class scores taken apart, exactly: class = sum of experts, expert = sum of banks, bank = mean of k texts.

On every level `weight * score = gives`, and what a level gives is the sum of what the level below gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attrgen.schema.attribute_set import AttributeSet, Entry
from vr.methods.common.contributions import Contribution, Terms, total


@dataclass(frozen=True)
class Origin:
    """Where a text comes from.

    Attributes:
        mimics: the classes that a confusion attribute describes; empty for other texts.
        borrowed: where it stands in the set if not with this class and kind (an ablation put it here).
    """

    mimics: tuple[str, ...] = ()
    borrowed: str = ""


@dataclass(frozen=True)
class TextScore:
    """One of the k nearest texts of a class.

    Attributes:
        cosine: of image and text.
        score: the same in logit units.
        weight: of the text in the class's score, its sign included.
        gives: weight * score.
        share: of all that the class's texts give, whatever its sign; the shares of a class sum to 1.
    """

    text: str
    origin: Origin
    cosine: float
    score: float
    weight: float
    gives: float
    share: float


@dataclass(frozen=True)
class BankScore:
    """What one bank gives to a class; `lead` is that minus its mean over the classes."""

    name: str
    score: float
    weight: float
    gives: float
    lead: float
    texts: tuple[TextScore, ...]


@dataclass(frozen=True)
class ExpertScore:
    """What one expert gives to a class; `weight` is its gate with the sign of the fusion."""

    name: str
    score: float
    weight: float
    gives: float
    lead: float
    banks: tuple[BankScore, ...]


@dataclass(frozen=True)
class ClassScore:
    """The fused logit of a class, its softmax over the classes, and what it is made of."""

    name: str
    logit: float
    probability: float
    lead: float
    experts: tuple[ExpertScore, ...] = ()


FindOrigin = Callable[[str, str, str], Origin]  # from class, bank and text


def origins(attributes: AttributeSet | None) -> FindOrigin:
    """How to find where a text stands in the set that a run was trained with."""
    by_text: dict[str, list[Entry]] = {}
    for entry in attributes.entries() if attributes is not None else ():
        by_text.setdefault(entry.text, []).append(entry)

    def find(class_name: str, bank: str, text: str) -> Origin:
        places = by_text.get(text, [])
        own = [entry for entry in places if (entry.class_name, entry.kind) == (class_name, bank)]
        mimics = tuple(entry.confused for entry in own or places if entry.confused is not None)
        elsewhere = "; ".join(f"{entry.class_name}, {entry.kind}" for entry in places) if not own else ""
        return Origin(tuple(dict.fromkeys(mimics)), elsewhere)

    return find


def scored(logits: Tensor, classes: Sequence[str]) -> list[tuple[ClassScore, ...]]:
    """The classes of each image by fused scores (B, C), the highest first, without what they are made of."""
    leads = logits - logits.mean(1, keepdim=True)
    numbers = zip(logits.tolist(), logits.softmax(1).tolist(), leads.tolist(), strict=True)
    images = (map(ClassScore, classes, *rows) for rows in numbers)
    return [tuple(sorted(image, key=lambda row: -row.logit)) for image in images]


def split(
    contributions: Sequence[Contribution], classes: Sequence[str], origin: FindOrigin
) -> list[tuple[ClassScore, ...]]:
    """Take the scores of a batch apart.

    Args:
        contributions: what the fused scores of the method are the sum of.
        classes: names in label order.

    Returns:
        For each image its classes, the highest score first.
    """
    pieces = [_Piece.of(contribution) for contribution in contributions]
    loudness = torch.stack([piece.gives.abs().sum(-1) for piece in pieces]).sum(0)
    shares = [(piece.gives.abs() / loudness[..., None]).tolist() for piece in pieces]
    result = []
    for image, plain in enumerate(scored(total(contributions).fused, classes)):
        rows = []
        for row in plain:
            at = image, classes.index(row.name)
            banks = [
                piece.bank_score(at, row.name, share[at[0]][at[1]], origin)
                for piece, share in zip(pieces, shares, strict=True)
            ]
            rows.append(replace(row, experts=_experts(pieces, banks, at)))
        result.append(tuple(rows))
    return result


@dataclass(frozen=True)
class _Piece:
    """A contribution in numbers: (B, C) each, and (B, C, n) of its texts, the nearest first."""

    contribution: Contribution
    terms: Terms
    gives: Tensor  # zero where a class has fewer than n texts
    score: Tensor
    gate: Tensor
    lead: Tensor

    @classmethod
    def of(cls, contribution: Contribution) -> _Piece:
        terms, score = contribution.terms, contribution.score
        gate = torch.as_tensor(contribution.gate, device=score.device).expand_as(score)
        weight = gate * contribution.share
        gives = weight[..., None] * terms.weights * terms.similarities
        lead = weight * score - (weight * score).mean(1, keepdim=True)
        return cls(contribution, terms, gives, score, gate, lead)

    def bank_score(
        self, at: tuple[int, int], class_name: str, shares: Sequence[float], origin: FindOrigin
    ) -> BankScore:
        contribution, score = self.contribution, float(self.score[at])
        weight = float(self.gate[at]) * contribution.share
        words = contribution.bank.texts[at[1]]
        count = min(len(words), self.terms.positions.shape[-1])
        texts = [
            TextScore(
                text=words[place],
                origin=origin(class_name, contribution.name, words[place]),
                cosine=value / contribution.tau,
                score=value,
                weight=weight * share_of_score,
                gives=gives,
                share=share,
            )
            for place, value, share_of_score, gives, share in zip(
                self.terms.positions[at][:count].tolist(),
                self.terms.similarities[at][:count].tolist(),
                self.terms.weights[at][:count].tolist(),
                self.gives[at][:count].tolist(),
                shares[:count],
                strict=True,
            )
        ]
        return BankScore(contribution.name, score, weight, weight * score, float(self.lead[at]), tuple(texts))


def _experts(
    pieces: Sequence[_Piece], banks: Sequence[BankScore], at: tuple[int, int]
) -> tuple[ExpertScore, ...]:
    found = []
    for name in dict.fromkeys(piece.contribution.expert for piece in pieces):
        pairs = zip(pieces, banks, strict=True)
        own = [(piece, bank) for piece, bank in pairs if piece.contribution.expert == name]
        found.append(
            ExpertScore(
                name=name,
                score=sum(piece.contribution.share * bank.score for piece, bank in own),
                weight=float(own[0][0].gate[at]),
                gives=sum(bank.gives for _, bank in own),
                lead=sum(bank.lead for _, bank in own),
                banks=tuple(bank for _, bank in own),
            )
        )
    return tuple(found)
