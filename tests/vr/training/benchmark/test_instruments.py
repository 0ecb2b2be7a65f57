"""The instruments, on work of known cost."""

from __future__ import annotations

import pytest
import torch

from vr.clip.vit.linear import frozen
from vr.training.benchmark import instruments

CPU = torch.device("cpu")


def test_operations_of_both_matrix_products_are_counted_forward_and_backward() -> None:
    x = torch.rand(5, 7, requires_grad=True)
    weight = torch.rand(11, 7)
    for layer in (frozen(weight, None), lambda x: x @ weight.t()):
        assert instruments.flops(lambda layer=layer: layer(x).sum().backward()) == 2 * (2 * 5 * 7 * 11)


def test_peak_memory_counts_what_is_held_at_once() -> None:
    before = torch.zeros(1000)

    def step() -> None:
        first = before.repeat(250)  # 10**6 bytes
        second = first + 1
        del first
        third = second * 2
        del second, third

    assert instruments.peak_memory(step, CPU) == pytest.approx(2e6, rel=0.01)


def test_a_reading_is_the_mean_of_its_repetitions(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 16.0])
    monkeypatch.setattr("vr.training.benchmark.instruments.time.perf_counter", lambda: next(clock))
    calls: list[int] = []
    assert instruments.seconds(lambda: calls.append(1), CPU, repeat=3) == 2.0
    assert len(calls) == 3


def test_a_profile_names_operators() -> None:
    assert "aten::cos" in instruments.profile_page(lambda: torch.ones(10).cos(), CPU)
