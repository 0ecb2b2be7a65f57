"""LaBo against a plain implementation, and its contributions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vr.methods.labo import LaBo, LaBoOptions


@pytest.fixture
def texts(context) -> list[tuple[int, str]]:
    """All texts with their class: descriptive ones first, by class in label order."""
    entries = [context.attributes.classes[name] for name in context.card.class_names]
    return [
        (label, text)
        for kind in ("descriptive", "distinctive")
        for label, entry in enumerate(entries)
        for text in entry.texts(kind)
    ]


def test_labo(context, images, labels, texts, plain_text, method_steps, plain_steps, same_steps) -> None:
    method = LaBo(context, LaBoOptions(start=0.3))
    pictures, tau = images(method), context.backbone.tau
    features, embeddings = context.backbone.encode_image(pictures), plain_text([text for _, text in texts])
    start = torch.zeros(3, len(texts))
    for column, (label, _) in enumerate(texts):
        start[label, column] = 0.3
    torch.testing.assert_close(method.weight.detach(), start)
    assert method.learned(6) == 3 * len(texts) == 3 * 22

    def loss(weight: Tensor) -> Tensor:
        losses = []
        for z, y in zip(features, labels.tolist(), strict=True):
            logits = []
            for row in weight:
                share = torch.exp(row) / torch.exp(row).sum()
                logits.append(tau * z @ sum(s * t for s, t in zip(share, embeddings, strict=True)))
            stacked = torch.stack(logits)
            losses.append(torch.logsumexp(stacked, 0) - stacked[y])
        return torch.stack(losses).mean()

    same_steps(method_steps(method, pictures, labels, lr=5.0), plain_steps(loss, [start], [5.0]))


def test_every_score_is_a_weighted_sum_of_sentences(context, images, texts, plain_text) -> None:
    method = LaBo(context)
    with torch.no_grad():
        method.weight.normal_(generator=torch.Generator().manual_seed(2))
        features = method.prepare(images(method))
        contributions, scores = method.contributions(features), method.scores(features).fused
    result: list[dict[str, tuple[float, float]]] = [{} for _ in range(3)]
    for term in contributions:
        similarities, positions, weights = term.terms
        for label in range(3):
            words = term.texts(label)
            for value, position, weight in zip(
                similarities[4, label], positions[4, label].tolist(), weights[4, label], strict=True
            ):
                result[label][words[position]] = float(value), float(weight)
            added = (similarities[4, label] * weights[4, label]).abs()
            assert torch.equal(added, added.sort(descending=True).values)
    embeddings = dict(zip([text for _, text in texts], plain_text([text for _, text in texts]), strict=True))
    for label, sentences in enumerate(result):
        assert set(sentences) == set(embeddings)
        assert sum(weight for _, weight in sentences.values()) == pytest.approx(1, abs=1e-5)
        for text, (value, _) in sentences.items():
            assert value == pytest.approx(
                context.backbone.tau * float(features[4] @ embeddings[text]), abs=1e-4
            )
        total = sum(value * weight for value, weight in sentences.values())
        assert total == pytest.approx(float(scores[4, label]), abs=1e-4)
