"""What a device can do for speed."""
from __future__ import annotations

import torch

from vr.backbone import Precision


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
