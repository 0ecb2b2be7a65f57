"""What a device offers for speed, and what to do where it runs out of memory."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

from attrgen.errors import UserError
from vr.backbone import Precision

_log = logging.getLogger(__name__)
T = TypeVar("T")

CPU_BATCH = 64
LARGEST_BATCH = 1024
_PROBE = 4
_SHARE_OF_FREE_MEMORY = 0.6
_STEPS_WORTH_COMPILING = 2000  # compiling takes about a minute


def compute_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """What frozen weights are kept in: bfloat16 where it is asked for and the device computes in it."""
    return torch.bfloat16 if precision == "bf16" and computes_in_bf16(device) else torch.float32


def computes_in_bf16(device: torch.device) -> bool:
    """Whether bf16 products are native, rather than emulated many times slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return True


def prepare_device(device: torch.device) -> None:
    """Let float32 products use a GPU's TF32 units: 10 bits of mantissa, several times the speed."""
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True


def worth_compiling(device: torch.device, steps: int) -> bool:
    """Whether `steps` training steps win back what compiling costs: on a GPU, in long runs."""
    has_compiler = importlib.util.find_spec("triton") is not None
    return device.type == "cuda" and has_compiler and steps >= _STEPS_WORTH_COMPILING


def compiled(step: Callable[..., T], **options: Any) -> Callable[..., T]:
    """`step`, compiled and replayed as a CUDA graph, for tensors of the shapes that it is first called with.

    Other shapes (an epoch's last, smaller batch) run as they are, and so does everything after a failure to
    compile, which is logged. What a call returns is overwritten by the next call: use it before.

    Args:
        options: of `torch.compile`, instead of `mode="reduce-overhead"`.
    """
    fast = torch.compile(step, dynamic=False, **(options or {"mode": "reduce-overhead"}))
    shapes: list[tuple[int, ...]] | None = None
    broken = False

    def run(*tensors: Tensor) -> T:
        nonlocal shapes, broken
        called_with = [tuple(tensor.shape) for tensor in tensors]
        shapes = shapes or called_with
        if broken or called_with != shapes:
            return step(*tensors)
        try:
            torch.compiler.cudagraph_mark_step_begin()
            return fast(*tensors)
        except torch._dynamo.exc.TorchDynamoException as error:
            broken = True
            _log.warning("the step runs without compilation: %s", str(error).strip().splitlines()[0])
            return step(*tensors)

    return run


def evaluation_batch_size(score: Callable[[Tensor], Any], image_size: int, device: torch.device) -> int:
    """How many images a batch may have without gradient: on a GPU what its free memory holds.

    Args:
        score: what is done to images (B, 3, image_size, image_size); a few blank ones are tried.
    """
    if device.type != "cuda":
        return CPU_BATCH
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    with torch.no_grad():
        score(torch.zeros(_PROBE, 3, image_size, image_size, device=device))
    needed = torch.cuda.max_memory_allocated(device) - before
    free = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - before
    return fitting_batch(needed / _PROBE, free)


def fitting_batch(bytes_an_image: float, free: float) -> int:
    """The largest power of two, at most 1024, of which a batch takes 60% of the free memory or less."""
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
            if batch.device.type == "cuda":
                torch.cuda.empty_cache()
            _log.warning("memory ran out: going on with batches of %d images", self.batch_size)
        return torch.cat(results)
