"""Where a run computes and in which precision, resolved from what the user chose and what the machine has."""

from __future__ import annotations

import logging
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from attrgen.core.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Precision = Literal["fp32", "bf16"]
_KINDS = re.compile(r"auto|(cpu|cuda|mps|xpu|hpu|xla|meta)(:\d+)?")
_log = logging.getLogger(__name__)


def check_device_name(name: str) -> None:
    """Check the name of a device, before torch is loaded: whether this machine has it is not known yet.

    Raises:
        UserError: no device is called so.
    """
    if not _KINDS.fullmatch(name):
        raise _unusable(name, "there is no such kind of device")


def resolve_device(name: str = "auto") -> torch.device:
    """The device of that name; `auto` is a GPU where there is one, else the CPU.

    From then on float32 products may use a GPU's TF32 units: 10 bits of mantissa, several times the speed.

    Raises:
        UserError: there is no such device, or this machine has none of that kind.
    """
    device = _device(name)
    if device.type == "cuda":
        _allow_tf32(True, True)
    return device


def require_gpu(device: torch.device, option: str) -> None:
    """Check that a device is a GPU of NVIDIA.

    Raises:
        UserError: it is none.
    """
    if device.type != "cuda":
        raise no_gpu(option, f"the run is on {device.type}")


def no_gpu(option: str, reason: str) -> UserError:
    """The error that an option needs a GPU."""
    return UserError(
        f"{option} needs a GPU (CUDA): {reason}",
        code="device-no-gpu",
        remedy=f"Use --device cuda on a machine with a GPU, or leave out {option}.",
    )


def resolve_precision(name: str, device: torch.device) -> Precision:
    """`fp32`, or `bf16` where the device computes in it; `auto` is bf16 on a GPU that does;
    for a CPU see `vr.clip.bf16`.

    Where the device has no bf16, `bf16` becomes fp32 and the log says so: a run records what it did.

    Raises:
        UserError: the name is none of the three.
    """
    if name not in ("fp32", "bf16", "auto"):
        raise UserError(
            f"--precision {name} is unknown",
            code="device-unknown-precision",
            remedy="Use fp32, bf16 or auto.",
        )
    if name == "fp32" or (name == "auto" and device.type != "cuda"):
        return "fp32"
    if computes_in_bf16(device):
        return "bf16"
    if name == "bf16":
        kind = "processor" if device.type == "cpu" else "GPU"
        _log.warning("note: this %s has no bf16 arithmetic: it computes in fp32", kind)
    return "fp32"


def computes_in_bf16(device: torch.device) -> bool:
    """Whether bf16 products are native, rather than emulated many times slower."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return _processor_has_bf16()
    return True


def _processor_has_bf16() -> bool:
    """Whether the processor has instructions for bf16 products.

    oneDNN also offers them on x86 processors that have AVX-512 without bf16, where they are slower than fp32.
    """
    import torch

    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


@contextmanager
def exact_float32() -> Iterator[None]:
    """No TF32 inside: for values that are compared or stored, rather than computed at every step."""
    import torch

    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    _allow_tf32(False, False)
    try:
        yield
    finally:
        _allow_tf32(*before)


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """`tensor` on `device`: a GPU copies it from pinned memory, and the program does not wait."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise _unusable(name, reason) from error
    return device


def _unusable(name: str, reason: str) -> UserError:
    return UserError(
        f"--device {name} cannot be used: {reason}",
        code="device-unusable",
        remedy="Use --device cpu, cuda, cuda:1 or auto.",
    )


def _allow_tf32(products: bool, convolutions: bool) -> None:
    import torch

    torch.backends.cuda.matmul.allow_tf32 = products
    torch.backends.cudnn.allow_tf32 = convolutions
