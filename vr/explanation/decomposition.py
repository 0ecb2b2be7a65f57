"""Class scores decomposed, exactly: class = sum of experts, expert = sum of banks, bank = sum of its texts.

On every level `weight * score = contribution`, and the contribution of a level is the sum of those of the
level below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attrgen.schema.attribute_set import AttributeSet, Entry
from vr.methods.common.contributions import Contribution, Terms, total
from vr.runs.predictions import checked


@dataclass(frozen=True)
class Origin:
    """Where a text comes from.

    Attributes:
        describes: the other classes that a confusion attribute describes; empty for other texts.
        borrowed: where the set lists it if not with this class and kind (an ablation moved it here).
    """

    describes: tuple[str, ...] = ()
    borrowed: str = ""


@dataclass(frozen=True)
class TextScore:
    """One of the k nearest texts of a class.

    Attributes:
        cosine: of image and text.
        score: the same in logit units.
        weight: of the text in the class's score, its sign included.
        contribution: weight * score.
        share: of the absolute contributions of all texts of the class; the shares of a class sum to 1.
    """

    text: str
    origin: Origin
    cosine: float
    score: float
    weight: float
    contribution: float
    share: float


@dataclass(frozen=True)
class BankScore:
    """Contribution of one bank to a class; `margin` is that minus its mean over the classes."""

    name: str
    score: float
    weight: float
    contribution: float
    margin: float
    texts: tuple[TextScore, ...]


@dataclass(frozen=True)
class ExpertScore:
    """Contribution of one expert to a class; `weight` is its gate with the sign of the fusion."""

    name: str
    score: float
    weight: float
    contribution: float
    margin: float
    banks: tuple[BankScore, ...]


@dataclass(frozen=True)
class ClassScore:
    """The fused logit of a class, its softmax over the classes before calibration, and its contributions."""

    name: str
    logit: float
    probability: float
    margin: float
    experts: tuple[ExpertScore, ...] = ()


FindOrigin = Callable[[str, str, str], Origin]  # from class, bank and text


def origins(attributes: AttributeSet | None) -> FindOrigin:
    """A function that finds where the set of a run lists a text."""
    by_text: dict[str, list[Entry]] = {}
    for entry in attributes.entries() if attributes is not None else ():
        by_text.setdefault(entry.text, []).append(entry)

    def find(class_name: str, bank: str, text: str) -> Origin:
        entries = by_text.get(text, [])
        here = [entry for entry in entries if (entry.class_name, entry.kind) == (class_name, bank)]
        describes = tuple(entry.confused for entry in here or entries if entry.confused is not None)
        elsewhere = "" if here else "; ".join(f"{entry.class_name}, {entry.kind}" for entry in entries)
        return Origin(tuple(dict.fromkeys(describes)), elsewhere)

    return find


def scored(logits: Tensor, classes: Sequence[str]) -> list[tuple[ClassScore, ...]]:
    """The classes of each image by fused scores (B, C), the highest first, without contributions.

    Raises:
        UserError: scores are not finite, or of more or fewer classes.
    """
    checked(logits, classes)
    margins = logits - logits.mean(1, keepdim=True)
    numbers = zip(logits.tolist(), logits.softmax(1).tolist(), margins.tolist(), strict=True)
    images = (map(ClassScore, classes, *rows) for rows in numbers)
    return [tuple(sorted(image, key=lambda row: -row.logit)) for image in images]


def decompose(
    contributions: Sequence[Contribution], classes: Sequence[str], origin: FindOrigin
) -> list[tuple[ClassScore, ...]]:
    """Decompose the scores of a batch.

    Args:
        contributions: what the method's fused scores are the sum of.
        classes: names in label order.

    Returns:
        For each image its classes, the highest score first.
    """
    banks = [_Bank.of(contribution) for contribution in contributions]
    absolute = torch.stack([bank.values.abs().sum(-1) for bank in banks]).sum(0)
    shares = [(bank.values.abs() / absolute[..., None]).tolist() for bank in banks]
    result = []
    for image, rows in enumerate(scored(total(contributions).fused, classes)):
        decomposed = []
        for row in rows:
            label = classes.index(row.name)
            scores = [
                bank.score_of(image, label, row.name, share[image][label], origin)
                for bank, share in zip(banks, shares, strict=True)
            ]
            decomposed.append(replace(row, experts=_experts(banks, scores, image, label)))
        result.append(tuple(decomposed))
    return result


@dataclass(frozen=True)
class _Bank:
    """A contribution in numbers: (B, C) each, and (B, C, n) of its texts, the nearest first."""

    contribution: Contribution
    terms: Terms
    values: Tensor  # contributions of the texts; zero where a class has fewer than n texts
    score: Tensor
    gate: Tensor
    margin: Tensor

    @classmethod
    def of(cls, contribution: Contribution) -> _Bank:
        terms, score = contribution.terms, contribution.score
        gate = torch.as_tensor(contribution.gate, device=score.device).expand_as(score)
        weight = gate * contribution.share
        values = weight[..., None] * terms.weights * terms.similarities
        margin = weight * score - (weight * score).mean(1, keepdim=True)
        return cls(contribution, terms, values, score, gate, margin)

    def score_of(
        self, image: int, label: int, class_name: str, shares: Sequence[float], origin: FindOrigin
    ) -> BankScore:
        """The bank's score of one class of one image."""
        at, name = (image, label), self.contribution.name
        score, weight = float(self.score[at]), float(self.gate[at]) * self.contribution.share
        words = self.contribution.texts(label)
        count = min(len(words), self.terms.positions.shape[-1])
        texts = [
            TextScore(
                text=words[position],
                origin=origin(class_name, name, words[position]),
                cosine=similarity / self.contribution.tau,
                score=similarity,
                weight=weight * text_weight,
                contribution=value,
                share=share,
            )
            for position, similarity, text_weight, value, share in zip(
                self.terms.positions[at][:count].tolist(),
                self.terms.similarities[at][:count].tolist(),
                self.terms.weights[at][:count].tolist(),
                self.values[at][:count].tolist(),
                shares[:count],
                strict=True,
            )
        ]
        return BankScore(name, score, weight, weight * score, float(self.margin[at]), tuple(texts))


def _experts(
    banks: Sequence[_Bank], scores: Sequence[BankScore], image: int, label: int
) -> tuple[ExpertScore, ...]:
    experts = []
    for name in dict.fromkeys(bank.contribution.expert for bank in banks):
        pairs = zip(banks, scores, strict=True)
        members = [(bank, score) for bank, score in pairs if bank.contribution.expert == name]
        experts.append(
            ExpertScore(
                name=name,
                score=sum(bank.contribution.share * score.score for bank, score in members),
                weight=float(members[0][0].gate[image, label]),
                contribution=sum(score.contribution for _, score in members),
                margin=sum(score.margin for _, score in members),
                banks=tuple(score for _, score in members),
            )
        )
    return tuple(experts)
