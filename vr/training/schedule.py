"""The optimiser of a recipe, and its learning rate at every step."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.optim import Optimizer

from vr.methods.common.recipe import Recipe


def make_optimizer(groups: list[dict[str, Any]], recipe: Recipe, device: torch.device) -> Optimizer:
    """SGD with momentum or AdamW over parameter groups (`params` and `lr` each), fused on a GPU."""
    fused = device.type == "cuda"
    if recipe.optimizer == "adamw":
        optimizer: Optimizer = torch.optim.AdamW(
            groups, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=fused
        )
    else:
        optimizer = torch.optim.SGD(
            groups, lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay, fused=fused
        )
    for group in optimizer.param_groups:
        group["peak_lr"] = group["lr"]
    return optimizer


def set_learning_rate(optimizer: Optimizer, step: int, *, total: int, warmup: int, warmup_lr: float) -> None:
    """Set every group's rate for `step` (0 to total - 1).

    `warmup_lr` for `warmup` steps (or less, where the group's own rate is less), then
    `lr * (1 + cos(pi * t)) / 2` with t from 0 to 1 over the remaining steps.
    """
    for group in optimizer.param_groups:
        peak = group["peak_lr"]
        if step < warmup:
            group["lr"] = min(warmup_lr, peak)
        else:
            progress = (step - warmup) / max(1, total - warmup)
            group["lr"] = peak * (1 + math.cos(math.pi * progress)) / 2
