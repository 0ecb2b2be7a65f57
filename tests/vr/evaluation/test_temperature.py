"""The fitted temperature against the one that labels were drawn with, and against a plain search."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from vr.evaluation.temperature import HIGHEST, LOWEST, at_edge, fit_temperature


def drawn(temperature: float, count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and labels drawn from their softmax at a temperature."""
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(count, 5, generator=generator)
    labels = torch.multinomial((logits / temperature).softmax(1), 1, generator=generator)[:, 0]
    return logits, labels


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.0, 10.0])
def test_it_finds_the_temperature_that_labels_were_drawn_with(truth: float) -> None:
    assert fit_temperature(*drawn(truth, 20_000)) == pytest.approx(truth, rel=0.08)


def test_no_temperature_of_a_fine_grid_is_better() -> None:
    logits, labels = drawn(3.0, 200)

    def loss(temperature: float) -> float:
        return float(F.cross_entropy(logits.double() / temperature, labels))

    actual = fit_temperature(logits, labels)
    grid = torch.logspace(-1.3, 2, 4000).tolist()
    assert loss(actual) <= min(map(loss, grid)) + 1e-9
    assert actual == pytest.approx(min(grid, key=loss), rel=3e-3)


def test_the_same_images_give_the_same_temperature_in_any_order() -> None:
    logits, labels = drawn(2.0, 100)
    turned = torch.arange(99, -1, -1)
    assert fit_temperature(logits, labels) == fit_temperature(logits, labels)
    assert fit_temperature(logits[turned], labels[turned]) == pytest.approx(fit_temperature(logits, labels))


def test_what_has_no_minimum_ends_at_the_edge() -> None:
    labels = torch.tensor([0, 1, 0, 1])
    right = 0.1 * F.one_hot(labels, 2).float()
    assert fit_temperature(right, labels) == pytest.approx(LOWEST, rel=1e-3)
    assert fit_temperature(-100 * right, labels) == pytest.approx(HIGHEST, rel=1e-3)
    assert at_edge(fit_temperature(right, labels)) and at_edge(fit_temperature(-100 * right, labels))
    assert not at_edge(1.0)
