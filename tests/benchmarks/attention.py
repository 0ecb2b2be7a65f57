"""Attention and its gradient on a GPU, by PyTorch's implementations and with the kernel; see `gpu.py`."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from vr.clip.vit import fused
from vr.clip.vit.attention import attention
from vr.training.benchmark import instruments

REPEAT = 40


def measure(device: torch.device) -> dict[str, Any]:
    """Milliseconds of attention and its gradient, as of one block of the step, by implementation."""
    qkv = torch.randn(128, 197, 3 * 768, device=device, dtype=torch.bfloat16, requires_grad=True)
    outer = torch.randn(128, 197, 768, device=device, dtype=torch.bfloat16)
    results: dict[str, Any] = {}

    def taken() -> None:
        torch.autograd.grad(attention(qkv, 12), qkv, outer)

    for implementation in (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION):
        for off in (fused.KERNELS, ()):
            name = f"{implementation.name.lower()}{'' if off else ' with the kernel'}, ms"
            try:
                with sdpa_kernel(implementation), fused.without(*off):
                    taken()
                    results[name] = round(1000 * instruments.seconds(taken, device, REPEAT), 3)
            except RuntimeError as error:
                results[name] = str(error).splitlines()[0]
    chosen = SDPBackend(torch._fused_sdp_choice(*qkv.unflatten(-1, (3, 12, 64)).permute(2, 0, 3, 1, 4)))
    return {**results, "PyTorch chooses": chosen.name.lower()}
