"""Compiled training steps, and what happens when the compiler fails."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

_log = logging.getLogger(__name__)
T = TypeVar("T")

_STEPS_WORTH_COMPILING = 2000  # compiling takes about a minute


def worth_compiling(device: torch.device, steps: int) -> bool:
    """Whether `steps` training steps save more time than compiling costs: on a GPU, in long runs."""
    has_compiler = importlib.util.find_spec("triton") is not None
    return device.type == "cuda" and has_compiler and steps >= _STEPS_WORTH_COMPILING


def compiled(
    step: Callable[..., T], after: Callable[[T], object] = lambda result: None, **options: Any
) -> Callable[..., T]:
    """`step`, compiled and replayed as a CUDA graph, for tensors of the shapes of the first call.

    Other shapes (an epoch's last, smaller batch) run uncompiled, and so does everything after a failure to
    compile, which is logged. The next call overwrites the result of the previous one: use it before. This
    holds for gradients too: drop them before.

    Args:
        after: receives every result before it is returned. The backward pass belongs here: it is compiled
            when it first runs, and may fail then.
        options: of `torch.compile`, instead of `mode="reduce-overhead"`.
    """
    fast = torch.compile(step, dynamic=False, **(options or {"mode": "reduce-overhead"}))
    shapes: list[tuple[int, ...]] | None = None
    broken = False

    def call(function: Callable[..., T], *tensors: Tensor) -> T:
        result = function(*tensors)
        after(result)
        return result

    def run(*tensors: Tensor) -> T:
        nonlocal shapes, broken
        called_with = [tuple(tensor.shape) for tensor in tensors]
        shapes = shapes or called_with
        if broken or called_with != shapes:
            return call(step, *tensors)
        try:
            torch.compiler.cudagraph_mark_step_begin()
            return call(fast, *tensors)
        except torch._dynamo.exc.TorchDynamoException as error:
            broken = True
            _log.warning("the step runs without compilation: %s", str(error).strip().splitlines()[0])
            return call(step, *tensors)

    return run
