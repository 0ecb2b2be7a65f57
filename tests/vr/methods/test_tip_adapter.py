"""Tip-Adapter and Tip-Adapter-F against their formula, written out image by image."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from vr.methods.tip_adapter import TipAdapter, TipAdapterF, TipAdapterOptions


def unit_rows(count: int, seed: int) -> Tensor:
    return F.normalize(torch.randn(count, 32, generator=torch.Generator().manual_seed(seed)), dim=-1)


def plain(
    z: Tensor, keys: Tensor, labels: Tensor, text: Tensor, tau: float, alpha: float, beta: float
) -> Tensor:
    rows = []
    for image in z:
        row = [tau * (image @ text[c]) for c in range(3)]
        for key, label in zip(keys, labels.tolist(), strict=True):
            row[label] = row[label] + alpha * torch.exp(-beta * (1 - image @ key))
        rows.append(torch.stack(row))
    return torch.stack(rows)


@pytest.fixture
def text(context, plain_text) -> Tensor:
    return plain_text([f"This is a photo of {name}." for name in context.card.class_names])


def test_scores(context, labels, text) -> None:
    method = TipAdapter(context, TipAdapterOptions(alpha=2.0, beta=3.0))
    keys, z = unit_rows(6, 0), unit_rows(4, 1)
    method.fit(keys, labels, None)
    assert method.learned(6) == 0
    expected = plain(z, keys, labels, text, method.tau, 2.0, 3.0)
    torch.testing.assert_close(method.scores(z).fused, expected, atol=1e-4, rtol=1e-4)
    assert method.log() == {"alpha": 2.0, "beta": 3.0}
    assert "no validation images" in method.warnings()[0]


def test_search(context, labels, text) -> None:
    method = TipAdapter(context)
    keys, z, truth = unit_rows(6, 0), unit_rows(9, 1), torch.arange(9) % 3
    method.fit(keys, labels, (z, truth))
    best, result = -1, (0.0, 0.0)
    for beta in (0.1 + i * (13 - 0.1) / 200 for i in range(200)):
        similar = torch.exp(-beta * (1 - z @ keys.T))
        cache = torch.stack([similar[:, labels == c].sum(1) for c in range(3)], dim=1)
        for alpha in (0.1 + i * (13 - 0.1) / 20 for i in range(20)):
            hits = int(((method.tau * z @ text.T + alpha * cache).argmax(1) == truth).sum())
            if hits > best:
                best, result = hits, (alpha, beta)
    assert (method.alpha, method.beta) == pytest.approx(result)
    assert int((method.scores(z).fused.argmax(1) == truth).sum()) == best
    assert method.warnings() == []
    unsearched = TipAdapter(context, TipAdapterOptions(search=False))
    unsearched.fit(keys, labels, (z, truth))
    assert unsearched.log() == {"alpha": 1.0, "beta": 5.5}
    assert unsearched.warnings() == []


def test_the_keys_are_learned(context, images, labels, text, method_steps, plain_steps, same_steps) -> None:
    method = TipAdapterF(context, TipAdapterOptions(alpha=4.0))
    pictures = images(method)
    keys = unit_rows(6, 0)
    method.fit(keys, labels, None)
    assert method.learned(6) == 6 * 32
    with torch.no_grad():
        z = method.prepare(pictures)

    def loss(keys: Tensor) -> Tensor:
        return F.cross_entropy(plain(z, keys, labels, text, method.tau, 4.0, 5.5), labels)

    expected = plain_steps(loss, [keys], [0.5])
    same_steps(method_steps(method, pictures, labels, lr=0.5), expected)
    assert method.values.sum() == 6
    assert method.warnings() == []
    assert method.parameter_groups(0.001)[0]["eps"] == 1e-4
    method.finish((z, labels))
    assert (method.alpha, method.beta) != (4.0, 5.5)


def test_a_learned_key_stays_with_its_image(context, labels) -> None:
    method = TipAdapterF(context)
    keys = unit_rows(6, 0)
    method.fit(keys, labels, None)
    with torch.no_grad():
        method.keys.add_(1)
    assert torch.equal(keys, unit_rows(6, 0))  # the features that others share are left alone
    assert math.isclose(float((method.keys.detach() - keys).mean()), 1, rel_tol=1e-5)
