"""Measuring a step of work: time, floating-point operations, peak memory, profile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Step = Callable[[], Any]
_MATMUL_SIDE = {"cuda": 8192, "cpu": 1536}


def seconds(step: Step, device: torch.device, repeat: int = 1) -> float:
    """Wall-clock time of one `step`, the mean of `repeat` without waiting for the device in between."""
    synchronise(device)
    began = time.perf_counter()
    for _ in range(repeat):
        step()
    synchronise(device)
    return (time.perf_counter() - began) / repeat


def synchronise(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def flops(step: Step) -> int:
    """Floating-point operations of the matrix products, convolutions and attention in `step`."""
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False, custom_mapping=_one_dnn_products())
    with counter:
        step()
    return int(counter.get_total_flops())


def _one_dnn_products() -> dict[Any, Any]:
    """oneDNN's product, which the counter does not know; a private operator, so it may be missing."""
    product = getattr(torch.ops.mkldnn, "_linear_pointwise", None)

    def count(x: Any, weight: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
        rows = 1
        for side in x[:-1]:
            rows *= side
        return int(2 * rows * weight[0] * weight[1])

    return {} if product is None else {product: count}


def peak_memory(step: Step, device: torch.device) -> int:
    """Most bytes that `step` holds at once, beyond those held before it (weights and data)."""
    if device.type == "cuda":
        synchronise(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        step()
        synchronise(device)
        return int(torch.cuda.max_memory_allocated(device) - before)
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    events: Any = profiler.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    held = most = 0
    for _, change in changes:
        held += change
        most = max(most, held)
    return most


def matmul(device: torch.device, dtype: torch.dtype) -> tuple[Step, int]:
    """A large matrix product, the measure of a device's peak speed, and its floating-point operations."""
    side = _MATMUL_SIDE.get(device.type, 2048)
    left: Tensor = torch.randn(side, side, device=device, dtype=dtype)
    right: Tensor = torch.randn(side, side, device=device, dtype=dtype)
    return lambda: left @ right, 2 * side**3


def profile_page(step: Step, device: torch.device, *, rows: int = 30) -> str:
    """The time of `step` by operator: one page of text."""
    from torch.profiler import ProfilerActivity, profile

    gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu else [])]
    with profile(activities=activities) as profiler:
        step()
        synchronise(device)
    by = "self_device_time_total" if gpu else "self_cpu_time_total"
    return str(profiler.key_averages().table(sort_by=by, row_limit=rows, max_name_column_width=48))
