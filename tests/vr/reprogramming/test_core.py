"""The pure core against plain loops: program, banks, scores, fusion, penalty, schedule."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from attrgen.core.errors import UserError
from vr.clip import bank as banks
from vr.methods.common.recipe import Recipe
from vr.reprogramming.loss import confusion_penalty
from vr.reprogramming.program import encode_reprogrammed, frame_width, reprogram, resolve_frame
from vr.reprogramming.score import score
from vr.training.schedule import make_optimizer, set_learning_rate


@pytest.mark.parametrize(
    ("size", "patch", "width"),
    [(224, 16, 16), (224, 14, 14), (112, 8, 8), (120, 12, 12), (80, 10, 6), (224, 32, 16), (224, None, 16)],
)
def test_frame_is_a_fourteenth_in_whole_patches(size: int, patch: int | None, width: int) -> None:
    assert frame_width(size, patch) == width


def test_program_is_a_frame_around_the_image() -> None:
    torch.manual_seed(0)
    images, delta = torch.rand(2, 3, 6, 6), torch.randn(2, 3, 10, 10)
    shown = reprogram(images, delta, 2)
    assert shown.shape == (2, 2, 3, 10, 10)
    for e in range(2):
        for b in range(2):
            for y in range(10):
                for x in range(10):
                    inside = 2 <= y < 8 and 2 <= x < 8
                    expected = images[b, :, y - 2, x - 2] if inside else torch.sigmoid(delta[e, :, y, x])
                    assert torch.allclose(shown[e, b, :, y, x], expected)
    assert torch.all(reprogram(images, torch.zeros(1, 3, 10, 10), 2)[0, :, :, :2] == 0.5)


def test_only_the_frame_of_a_program_has_a_gradient(tiny: Any) -> None:
    torch.manual_seed(0)
    delta = torch.randn(2, 3, 48, 48, requires_grad=True)
    encode_reprogrammed(tiny, torch.rand(2, 3, 40, 40), delta, 4).sum().backward()
    assert delta.grad is not None
    assert torch.count_nonzero(delta.grad[:, :, 4:-4, 4:-4]) == 0
    assert torch.count_nonzero(delta.grad[:, :, :4]) > 0


@pytest.mark.parametrize("frame", [24, 30])
def test_a_frame_that_leaves_no_image_is_refused(tiny: Any, frame: int) -> None:
    with pytest.raises(UserError) as caught:
        resolve_frame(tiny, frame)
    assert caught.value.code == "reprogramming-frame-too-wide"


def _ragged(sizes: list[int], dim: int = 5) -> tuple[list[torch.Tensor], banks.Bank]:
    torch.manual_seed(1)
    rows = [torch.nn.functional.normalize(torch.randn(n, dim), dim=-1) for n in sizes]
    return rows, banks.from_classes(rows)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_scores_average_the_k_nearest_texts_of_a_class(k: int) -> None:
    rows, bank = _ragged([4, 1, 2])
    z = torch.nn.functional.normalize(torch.randn(6, 5), dim=-1)
    scores = score(z, bank, tau=20.0, k=k)
    for b in range(6):
        for c, texts in enumerate(rows):
            nearest = sorted((20.0 * float(z[b] @ t) for t in texts), reverse=True)[:k]
            assert float(scores[b, c]) == pytest.approx(sum(nearest) / len(nearest), rel=1e-5)


def test_published_padding_repeats_texts_and_the_default_does_not() -> None:
    texts = [f"text {i}" for i in range(5)]
    padded = banks.padded_with_replacement(texts, 20, torch.Generator().manual_seed(0))
    assert padded[:5] == texts and len(padded) == 20 and set(padded) == set(texts)
    cut = banks.padded_with_replacement(texts, 3, torch.Generator().manual_seed(0))
    assert len(set(cut)) == 3 and set(cut) <= set(texts)


@pytest.mark.parametrize("over", ["all", "others"])
def test_penalty_equals_its_formula(over: Any) -> None:
    torch.manual_seed(2)
    negative, reference, labels = torch.randn(7, 4), torch.randn(7, 4), torch.randint(4, (7,))
    total = 0.0
    for n, r, y in zip(negative, reference, labels.tolist(), strict=True):
        strongest = max(float(n[c]) for c in range(4) if over == "all" or c != y)
        total += max(0.0, strongest - float(r[y]) + 0.5)
    penalty = confusion_penalty(negative, reference, labels, margin=0.5, over=over)
    assert float(penalty) == pytest.approx(total / 7, rel=1e-5)
    huge = confusion_penalty(1e6 * negative.abs(), -1e6 * reference.abs(), labels, margin=0.5, over=over)
    assert float(huge) == 1000.0


def test_rate_warms_up_then_falls_as_a_cosine_for_each_group() -> None:
    groups = [
        {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 40.0},
        {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.01},
    ]
    optimizer = make_optimizer(groups, Recipe(lr=40.0), torch.device("cpu"))
    seen = []
    for step in range(12):
        set_learning_rate(optimizer, step, total=12, warmup=2, warmup_lr=1e-5)
        seen.append([group["lr"] for group in optimizer.param_groups])
    assert seen[0] == seen[1] == [1e-5, 1e-5]
    assert seen[2] == [40.0, 0.01]
    for step in range(2, 12):
        share = (1 + math.cos(math.pi * (step - 2) / 10)) / 2
        assert seen[step] == pytest.approx([40 * share, 0.01 * share])
