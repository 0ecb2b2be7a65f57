"""GDA against Gaussian densities by SciPy, and the choice of its weight."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from vr.methods.gda import ALPHAS, GDA, GDAOptions, gaussian_classifier


def blobs(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(3, 32, generator=torch.Generator().manual_seed(9))
    labels = torch.arange(3).repeat(count)
    rows = centres[labels] + 1.5 * torch.randn(len(labels), 32, generator=generator)
    return torch.nn.functional.normalize(rows, dim=-1), labels


def test_scores_are_log_densities() -> None:
    features, labels = blobs(8, 0)
    weight, bias = gaussian_classifier(features, labels, 3)
    z = features.double().numpy()
    means = [z[labels == c].mean(0) for c in range(3)]
    centred = np.concatenate([z[labels == c] - means[c] for c in range(3)])
    covariance = centred.T @ centred / (len(z) - 1)
    estimate = ((len(z) - 1) * covariance + np.trace(covariance) * np.eye(32)) / 32
    densities = np.stack([multivariate_normal(mean, estimate).logpdf(z) for mean in means], axis=1)
    scores = (features @ weight.T + bias).double().numpy()
    margins, expected = scores - scores[:, :1], densities - densities[:, :1]
    np.testing.assert_allclose(margins, expected, atol=1e-3, rtol=1e-4)
    assert float(bias.mean()) < 0


def test_a_class_without_images_is_never_predicted() -> None:
    features, labels = blobs(4, 0)
    weight, bias = gaussian_classifier(features, labels, 5)
    assert set((features @ weight.T + bias).argmax(-1).tolist()) <= {0, 1, 2}


def test_one_image_per_class_leaves_the_nearest_mean() -> None:
    features, labels = blobs(1, 0)
    weight, bias = gaussian_classifier(features, labels, 3)
    others, _ = blobs(5, 1)
    nearest = torch.cdist(others, features).argmin(-1)
    assert torch.equal((others @ weight.T + bias).argmax(-1), nearest)


def test_alpha_is_chosen_on_validation(context, plain_text) -> None:
    (features, labels), (seen, truth) = blobs(6, 0), blobs(10, 1)
    method = GDA(context)
    method.fit(features, labels, (seen, truth))
    text = plain_text([f"This is a photo of {name}." for name in context.card.class_names])
    weight, bias = gaussian_classifier(features, labels, 3)
    accuracies = []
    for alpha in ALPHAS:
        scores = context.backbone.tau * seen @ text.T + alpha * (seen @ weight.T + bias)
        accuracies.append(float((scores.argmax(-1) == truth).float().mean()))
    chosen = ALPHAS[accuracies.index(max(accuracies))]
    assert len(set(accuracies)) > 1
    assert method.log()["alpha"] == pytest.approx(chosen)
    expected = context.backbone.tau * seen @ text.T + chosen * (seen @ weight.T + bias)
    torch.testing.assert_close(method.scores(seen).fused, expected, atol=1e-3, rtol=1e-4)
    assert method.learned(18) == 3 * 32 + 3


@pytest.mark.parametrize("options", [{}, {"text": "none"}])
def test_alone(context, options: dict) -> None:
    features, labels = blobs(6, 0)
    method = GDA(context, GDAOptions(**options))
    method.fit(features, labels, None if not options else blobs(6, 1))
    weight, bias = gaussian_classifier(features, labels, 3)
    torch.testing.assert_close(method.scores(features).fused, features @ weight.T + bias)
    assert len(method.warnings()) == (0 if options else 1)
