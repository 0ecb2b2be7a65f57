"""What can be tried without a GPU: choosing sizes, halving them, and falling back from compilation."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from torch import Tensor

from attrgen.core.errors import UserError
from vr.runtime.acceleration import (
    LARGEST_BATCH,
    USUAL_BATCH,
    WithinMemory,
    compiled,
    evaluation_batch_size,
    fitting_batch,
    worth_compiling,
)

CPU, GPU = torch.device("cpu"), torch.device("cuda")


class Small:
    """A device that holds `limit` rows, and remembers the pieces that it was given."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.pieces: list[int] = []

    def __call__(self, batch: Tensor) -> Tensor:
        self.pieces.append(len(batch))
        if len(batch) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return batch * 2


def test_batches_are_halved_until_they_fit_and_stay_so(caplog: pytest.LogCaptureFixture) -> None:
    device = Small(limit=3)
    double = WithinMemory(device, batch_size=16)
    rows = torch.arange(21.0)[:, None]
    with caplog.at_level(logging.WARNING):
        assert torch.equal(double(rows), rows * 2)
    assert device.pieces == [16, 8, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]
    assert "batches of 2 images" in caplog.text
    device.pieces.clear()
    double(rows[:5])
    assert device.pieces == [2, 2, 1]


def test_a_small_batch_that_does_not_fit_is_halved_from_its_own_size() -> None:
    device = Small(limit=4)
    double = WithinMemory(device, batch_size=1024)
    assert len(double(torch.zeros(6, 1))) == 6
    assert device.pieces == [6, 3, 3]


def test_one_image_too_large_is_a_users_error() -> None:
    with pytest.raises(UserError, match=r"does not hold one image.*--device cpu"):
        WithinMemory(Small(limit=0))(torch.zeros(4, 1))


def test_other_errors_are_not_swallowed() -> None:
    def broken(batch: Tensor) -> Tensor:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        WithinMemory(broken)(torch.zeros(4, 1))


def test_no_rows_give_no_rows() -> None:
    assert WithinMemory(Small(limit=3))(torch.zeros(0, 5)).shape == (0, 5)


@pytest.mark.parametrize(
    ("bytes_an_image", "free", "batch"),
    [(1e6, 1e8, 32), (1e6, 1e12, LARGEST_BATCH), (1e9, 1e8, 1), (1e6, 2e6, 1), (0, 1e6, LARGEST_BATCH)],
)
def test_a_batch_takes_sixty_percent_of_what_is_free(bytes_an_image: float, free: float, batch: int) -> None:
    assert fitting_batch(bytes_an_image, free) == batch


def test_the_cpu_has_one_batch_size_and_tries_nothing() -> None:
    def never(images: Tensor) -> Tensor:
        raise AssertionError

    assert evaluation_batch_size(never, 192, CPU) == USUAL_BATCH


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


def test_on_a_gpu_a_few_images_tell_how_many_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[int, ...]] = []
    original = torch.zeros
    monkeypatch.setattr(torch, "zeros", lambda *shape, device, **how: original(*shape, **how))
    for name, value in {
        "reset_peak_memory_stats": None,
        "memory_allocated": 100,
        "max_memory_allocated": 100 + 4 * 1000,
        "mem_get_info": (90_000, 10**6),
        "memory_reserved": 10_100,
    }.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    found = evaluation_batch_size(lambda images: tried.append(tuple(images.shape)), 8, GPU)
    assert tried == [(4, 3, 8, 8)]
    assert found == 32  # 60% of the 100,000 bytes that are free hold 60 images of 1000 bytes
