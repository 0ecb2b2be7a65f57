"""Low-rank updates of a transformer's attention beside its frozen weights, as in LoRA (Hu et al., ICLR 2022).

A projection `W x` becomes `W x + alpha / sqrt(r) * B A dropout(x)`, with A of r rows drawn at random and B,
which starts at zero, so that training starts from the frozen model.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class LowRankSettings:
    """Rank r, the numerator of the scale, and the dropout before the update."""

    rank: int
    alpha: float
    dropout: float


class LowRank(nn.Module):
    """Updates of several projections that read the same input.

    Args:
        projections: how many.
        width, outputs: dimensions of the input, and of the output of one projection.
    """

    def __init__(
        self,
        projections: int,
        width: int,
        outputs: int,
        settings: LowRankSettings,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        bound = 1 / math.sqrt(width)  # as PyTorch starts linear layers
        down = torch.rand(projections, settings.rank, width, generator=generator)
        self.down = nn.Parameter((2 * down - 1) * bound)
        self.up = nn.Parameter(torch.zeros(projections, outputs, settings.rank))
        self.scale = settings.alpha / math.sqrt(settings.rank)
        self.dropout = settings.dropout

    def forward(self, x: Tensor) -> Tensor:
        """(..., projections * outputs) of (..., width): what is added to the frozen projections."""
        hidden = torch.einsum("...d,prd->...pr", F.dropout(x, self.dropout, self.training), self.down)
        return self.scale * torch.einsum("...pr,por->...po", hidden, self.up).flatten(-2)


class UpdatedLinear(nn.Module):
    """A frozen linear layer, of one projection or several side by side, with its update."""

    def __init__(self, linear: nn.Linear, update: LowRank) -> None:
        super().__init__()
        self.linear, self.update = linear, update

    def forward(self, x: Tensor) -> Tensor:
        """As the layer, plus the update."""
        return self.linear(x) + self.update(x)


class UpdatedAttention(nn.Module):
    """A frozen `nn.MultiheadAttention` that is given queries alone, with updates of q, k and v."""

    def __init__(self, attention: nn.MultiheadAttention, update: LowRank) -> None:
        super().__init__()
        self.attention, self.update = attention, update
        self.batch_first = attention.batch_first

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **ignored: Any
    ) -> tuple[Tensor, None]:
        """Self-attention of `query`; `key` and `value` are the same tensor."""
        frozen, x = self.attention, query if self.batch_first else query.transpose(0, 1)
        projected = F.linear(x, frozen.in_proj_weight, frozen.in_proj_bias) + self.update(x)
        q, k, v = (
            part.unflatten(-1, (frozen.num_heads, -1)).transpose(1, 2) for part in projected.chunk(3, dim=-1)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=attn_mask).transpose(1, 2).flatten(-2)
        output = frozen.out_proj(mixed)
        return output if self.batch_first else output.transpose(0, 1), None


def with_updates(
    model: nn.Module, settings: LowRankSettings, generator: torch.Generator
) -> tuple[nn.Module, dict[str, LowRank]]:
    """A copy of a CLIP that shares its weights, with an update in every attention layer that is known.

    Known are the blocks of open_clip, of timm (`qkv`) and of Hugging Face (`query`, `key`, `value`).

    Returns:
        The copy, and its updates by the name of the layer.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    result = copy.deepcopy(model, shared)
    updates = {}
    for name, layer in list(_attention_layers(result)):
        update = _update(layer, name, settings, generator).to(next(layer.parameters()).device)
        updated = (
            UpdatedLinear(layer, update) if isinstance(layer, nn.Linear) else UpdatedAttention(layer, update)
        )
        parent, _, attribute = name.rpartition(".")
        setattr(result.get_submodule(parent), attribute, updated)
        updates[name] = update
    return result, updates


def _attention_layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    for name, module in model.named_modules():
        is_block = isinstance(module, nn.MultiheadAttention) and "attn_pool" not in name
        is_projection = name.rpartition(".")[2] in ("qkv", "query", "key", "value")
        if is_block or (is_projection and isinstance(module, nn.Linear)):
            yield name, module


def _update(layer: Any, name: str, settings: LowRankSettings, generator: torch.Generator) -> LowRank:
    if isinstance(layer, nn.MultiheadAttention):
        return LowRank(3, layer.embed_dim, layer.embed_dim, settings, generator)
    projections = 3 if name.endswith("qkv") else 1
    return LowRank(projections, layer.in_features, layer.out_features // projections, settings, generator)
