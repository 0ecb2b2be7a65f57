"""ZS-LP, CLAP and SS-Text+ against plain implementations of their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vr.methods.clap import CLAP
from vr.methods.ss_text import SSText
from vr.methods.zs_lp import ZSLP


@pytest.fixture
def text(context, plain_text) -> Tensor:
    return plain_text([f"This is a photo of {name}." for name in context.card.class_names])


def cosine(one: Tensor, other: Tensor) -> Tensor:
    return (one * other).sum() / (one.norm() * other.norm())


def cross_entropy(features: Tensor, labels: Tensor, weight: Tensor, tau: float) -> Tensor:
    losses = []
    for z, y in zip(features, labels.tolist(), strict=True):
        logits = torch.stack([tau * cosine(z, w) for w in weight])
        losses.append(torch.logsumexp(logits, 0) - logits[y])
    return torch.stack(losses).mean()


def test_zs_lp(context, images, labels, text, method_steps, plain_steps, same_steps) -> None:
    method = ZSLP(context)
    assert method.learned(6) == text.numel()
    torch.testing.assert_close(method.weight.detach(), text)
    pictures = images(method)
    features = context.backbone.encode_image(pictures)

    def loss(weight: Tensor) -> Tensor:
        return cross_entropy(features, labels, weight, context.backbone.tau)

    same_steps(method_steps(method, pictures, labels, lr=0.1), plain_steps(loss, [text], [0.1]))


def test_clap(context, images, labels, text, method_steps, plain_steps, same_steps) -> None:
    method, tau = CLAP(context), context.backbone.tau
    pictures = images(method)
    features = context.backbone.encode_image(pictures)
    method.fit(features, labels, None)
    multipliers = []
    for c in range(3):
        rows = features[labels == c]
        exponentials = [[math.exp(tau * float(z @ t)) for t in text] for z in rows]
        multipliers.append(sum(row[c] / sum(row) for row in exponentials) / len(rows))
    assert method.multipliers.tolist() == pytest.approx(multipliers, rel=1e-4)

    def loss(weight: Tensor) -> Tensor:
        distance = sum(m * (w - t).square().sum() for m, w, t in zip(multipliers, weight, text, strict=True))
        return cross_entropy(features, labels, weight, tau) + distance / 3

    same_steps(method_steps(method, pictures, labels, lr=0.1), plain_steps(loss, [text], [0.1]))
    assert method.loss(method.scores(features), labels).penalty.item() > 0


def test_clap_with_a_class_without_images(context, images) -> None:
    method = CLAP(context)
    features = method.prepare(images(method))
    method.fit(features[:4], torch.tensor([0, 1, 0, 1]), None)
    assert float(method.multipliers[2]) == pytest.approx(float(method.multipliers[:2].mean()))


def test_ss_text(context, images, text) -> None:
    method, tau = SSText(context), context.backbone.tau
    features = context.backbone.encode_image(images(method))
    labels = torch.tensor([0, 1, 2, 0, 0, 1])
    method.fit(features, labels, None)
    # The closed form is where the gradient of the linear loss vanishes: the mean of tau <z_i, w_y> against
    # the distances to the texts, lambda_c / 2 each.
    weight = method.weight.detach().clone().requires_grad_()
    loss = -torch.stack([tau * z @ weight[y] for z, y in zip(features, labels.tolist(), strict=True)]).mean()
    for c, count in enumerate((3, 2, 1)):
        loss = loss + (weight[c] - text[c]).square().sum() / count / 2
    (gradient,) = torch.autograd.grad(loss, weight)
    assert float(gradient.abs().max()) < 1e-4
    expected = [[tau * float(cosine(z, w)) for w in method.weight.detach()] for z in features]
    torch.testing.assert_close(method.scores(features).fused, torch.tensor(expected), atol=1e-4, rtol=1e-4)
