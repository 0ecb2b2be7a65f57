"""Where a run computes and in which precision, resolved from what the user asked and the machine has."""

from __future__ import annotations

import torch

from attrgen.errors import UserError
from vr.backbone import Precision


def resolve_device(asked: str = "auto") -> torch.device:
    """The device of that name; `auto` is a GPU where there is one, else the CPU.

    Raises:
        UserError: it is no device, or this machine has none of that kind.
    """
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(asked)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"--device {asked} cannot be used: {reason}", remedy="Use --device cpu, cuda, cuda:1 or auto."
        ) from error
    return device


def resolve_precision(asked: str, device: torch.device) -> Precision:
    """`fp32` or `bf16` as asked; `auto` is bf16 on a GPU that computes in it, else fp32.

    Raises:
        UserError: it is none of the three.
    """
    if asked == "fp32":
        return "fp32"
    if asked == "bf16":
        return "bf16"
    if asked != "auto":
        raise UserError(f"--precision {asked} is unknown", remedy="Use fp32, bf16 or auto.")
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
