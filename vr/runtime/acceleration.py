"""Speed that a device offers: compiled steps, batches as large as its memory; and what if it fails."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

from attrgen.core.errors import UserError

_log = logging.getLogger(__name__)
T = TypeVar("T")

USUAL_BATCH = 64
LARGEST_BATCH = 256  # it keeps a GPU busy, and leaves several batches for several GPUs
_PROBE = 4
_SHARE_OF_FREE_MEMORY = 0.6
_STEPS_WORTH_COMPILING = 2000  # compiling takes about a minute


def worth_compiling(device: torch.device, steps: int) -> bool:
    """Whether `steps` training steps win back what compiling costs: on a GPU, in long runs."""
    has_compiler = importlib.util.find_spec("triton") is not None
    return device.type == "cuda" and has_compiler and steps >= _STEPS_WORTH_COMPILING


def compiled(
    step: Callable[..., T], after: Callable[[T], object] = lambda result: None, **options: Any
) -> Callable[..., T]:
    """`step`, compiled and replayed as a CUDA graph, for tensors of the shapes that it is first called with.

    Other shapes (an epoch's last, smaller batch) run as they are, and so does everything after a failure to
    compile, which is logged. What a call returns is overwritten by the next call: use it before. That holds
    for gradients too: drop them before.

    Args:
        after: is given every result before it is returned. The backward pass belongs here: it may be
            compiled, and fail to be, only when it first runs.
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


def evaluation_batch_size(score: Callable[[Tensor], Any], image_size: int, device: torch.device) -> int:
    """How many images a batch may have without gradient: on a GPU what its free memory holds.

    Args:
        score: what is done to images (B, 3, image_size, image_size) uint8; a few blank ones are tried.
    """
    if device.type != "cuda":
        return USUAL_BATCH
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    with torch.no_grad():
        score(torch.zeros(_PROBE, 3, image_size, image_size, dtype=torch.uint8, device=device))
    needed = torch.cuda.max_memory_allocated(device) - before
    free = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - before
    return fitting_batch(needed / _PROBE, free)


def fitting_batch(bytes_an_image: float, free: float) -> int:
    """The largest power of two, at most 256, of which a batch takes 60% of the free memory or less."""
    count = int(_SHARE_OF_FREE_MEMORY * free / max(bytes_an_image, 1))
    return min(LARGEST_BATCH, 1 << max(0, count.bit_length() - 1))


class WithinMemory:
    """A function of a batch, called on smaller and smaller pieces of it when memory runs out.

    Args:
        function: from (B, ...) to a tensor (B, ...), each row from the same row alone.
        batch_size: the largest piece; it is halved for good at each `torch.OutOfMemoryError`.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], batch_size: int = LARGEST_BATCH) -> None:
        self.function = function
        self.batch_size = batch_size

    def __call__(self, batch: Tensor) -> Tensor:
        """The function of the whole batch.

        Raises:
            UserError: not even one row fits.
        """
        results: list[Tensor] = []
        done = 0
        while done < len(batch) or not results:
            piece = batch[done : done + self.batch_size]
            try:
                results.append(self.function(piece))
                done += len(piece)
                continue
            except torch.OutOfMemoryError as error:
                if len(piece) <= 1:
                    raise UserError(
                        "the device's memory does not hold one image",
                        remedy="Close what else uses it, or choose --device cpu or a smaller --backbone.",
                    ) from error
                self.batch_size = len(piece) // 2
            torch.cuda.empty_cache()  # outside `except`, whose traceback holds what did not fit
            _log.warning("memory ran out: going on with batches of %d images", self.batch_size)
        return torch.cat(results)
