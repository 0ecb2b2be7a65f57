"""LP++ against a plain implementation in NumPy with gradients derived by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vr.methods.lp_plus_plus import LPPlusPlus, LPPlusPlusOptions


def plain(z: np.ndarray, y: np.ndarray, t: np.ndarray, iterations: int) -> tuple[np.ndarray, ...]:
    count, classes = len(y), len(t)
    truth = np.eye(classes)[y]
    weight = np.stack([z[y == c].sum(0) for c in range(classes)])
    bias, alpha = (
        np.zeros(classes),
        np.full(classes, 250 * np.mean([(z[y == c] @ t[c]).mean() for c in range(classes)])),
    )
    step = 4 * count / max(np.linalg.svd(z)[1]) ** 2
    alpha_step = count / (4 * max(sum((row @ text) ** 2 for row in z) for text in t))
    speeds = [np.zeros_like(weight), np.zeros_like(bias)]
    for iteration in range(1, iterations + 1):
        cosines = z @ t.T
        logits = z @ weight.T + bias + alpha * cosines
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        error = (exponentials / exponentials.sum(1, keepdims=True) - truth) / count
        speeds[0] = 0.9 * speeds[0] + error.T @ z
        speeds[1] = 0.9 * speeds[1] + error.sum(0)
        weight, bias = weight - step * speeds[0], bias - step * speeds[1]
        if iteration % 10 == 0:
            alpha = alpha - alpha_step * (error * cosines).sum(0)
    return weight, bias, alpha


@pytest.mark.parametrize("iterations", [1, 10, 300])
def test_lp_plus_plus(context, images, labels, plain_text, iterations: int) -> None:
    method = LPPlusPlus(context, LPPlusPlusOptions(iterations=iterations))
    features = method.prepare(images(method))
    method.fit(features, labels, None)
    text = plain_text([f"This is a photo of {name}." for name in context.card.class_names])
    expected = plain(features.double().numpy(), labels.numpy(), text.double().numpy(), iterations)
    for value, reference in zip((method.weight, method.bias, method.alpha), expected, strict=True):
        difference = np.linalg.norm(value.detach().numpy() - reference)
        assert difference < 1e-4 * np.linalg.norm(reference)
    assert method.learned(6) == text.numel() + 2 * 3
    cosines = features @ text.T
    logits = features @ method.weight.T + method.bias + method.alpha * cosines
    torch.testing.assert_close(method.scores(features).fused, logits, atol=1e-4, rtol=1e-5)


def test_the_best_iteration_is_chosen_on_validation(context, images, labels) -> None:
    features = LPPlusPlus(context).prepare(images(LPPlusPlus(context)))
    val = features, labels.roll(1)  # wrong on purpose, so that more steps do not help
    accuracies = []
    for iterations in range(1, 13):
        method = LPPlusPlus(context, LPPlusPlusOptions(iterations=iterations))
        method.fit(features, labels, val)
        accuracies.append((method.scores(features).fused.argmax(-1) == val[1]).float().mean().item())
    best = LPPlusPlus(context, LPPlusPlusOptions(iterations=12, keep="best"))
    best.fit(features, labels, val)
    accuracy = (best.scores(features).fused.argmax(-1) == val[1]).float().mean().item()
    assert accuracy == max(accuracies) and best.warnings() == []
    without = LPPlusPlus(context, LPPlusPlusOptions(iterations=12, keep="best"))
    without.fit(features, labels, None)
    assert torch.equal(without.weight, method.weight) and len(without.warnings()) == 1
