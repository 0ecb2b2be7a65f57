"""Compiled steps, and running uncompiled when the compiler fails; tried without a GPU."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from torch import Tensor

from vr.runtime.compilation import compiled, worth_compiling

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_only_long_runs_on_a_gpu_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert worth_compiling(GPU, 5000)
    assert not worth_compiling(GPU, 100)
    assert not worth_compiling(CPU, 5000)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not worth_compiling(GPU, 5000)


def test_a_compiled_step_is_used_for_the_first_shape_alone() -> None:
    calls: list[str] = []

    def backend(graph: Any, inputs: Any) -> Any:
        def run(*values: Any) -> Any:
            calls.append("graph")
            return graph.forward(*values)

        return run

    step = compiled(lambda x: x.sin() + 1, backend=backend)
    for rows in (4, 4, 3):
        x = torch.rand(rows)
        assert torch.equal(step(x), x.sin() + 1)
    assert calls == ["graph", "graph"]


def test_a_step_that_cannot_be_compiled_runs_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    def backend(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no compiler here")

    step = compiled(lambda x: x * 3, backend=backend)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert torch.equal(step(torch.ones(2)), torch.full((2,), 3.0))
    assert caplog.text.count("runs without compilation") == 1


def test_a_backward_pass_that_cannot_be_compiled_falls_back_too(caplog: pytest.LogCaptureFixture) -> None:
    def backward(loss: Tensor) -> None:
        if loss.grad_fn is None or "CompiledFunction" in type(loss.grad_fn).__name__:
            raise torch._dynamo.exc.TorchDynamoException("no compiler here")
        loss.backward()

    weight = torch.ones(2, requires_grad=True)
    step = compiled(lambda x: (weight * x).sum(), backward, backend="aot_eager")
    with caplog.at_level(logging.WARNING):
        assert float(step(torch.ones(2)).detach()) == 2
    assert weight.grad is not None and torch.equal(weight.grad, torch.ones(2))
    assert "runs without compilation: no compiler here" in caplog.text
