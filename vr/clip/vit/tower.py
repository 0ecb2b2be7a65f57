"""A frozen vision transformer as plain weights, in the precision it computes in.

No weight needs a gradient, so a linear layer keeps no input for the backward pass. Constant factors
(LayerScale, QuickGELU's 1.702) are multiplied into the weights when the tower is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vr.clip.vit.attention import attention
from vr.clip.vit.linear import Linear
from vr.clip.vit.mlp import Mlp
from vr.clip.vit.norm import Norm


@dataclass(frozen=True)
class Block:
    """Attention and MLP, each after its norm and added to its input (a pre-norm block).

    Its output is in two terms, `x` and `delta`, (B, N, d) each: their sum belongs to the norm that follows,
    which on a GPU is one kernel with it. Where there is no `delta`, `x` is all.
    """

    heads: int
    norm: Norm
    qkv: Linear
    out: Linear
    mlp: Mlp

    def project(self, x: Tensor, delta: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The block's input `x + delta`, and queries, keys and values side by side: (..., d), (..., 3 d)."""
        x, normed = self.norm.after(x, delta)
        return x, self.qkv(normed)

    def finish(self, x: Tensor, qkv: Tensor) -> tuple[Tensor, Tensor]:
        """The block's output, in two terms, from the results of `project`."""
        query, key, value = qkv.chunk(3, dim=-1)
        return self.mlp(x, self.out(self._attend(query, key, value)))

    def first_token(self, x: Tensor, delta: Tensor | None) -> Tensor:
        """The block's output for the first token alone, (B, d).

        Other tokens are keys and values only: their query, output projection and MLP are not computed.
        """
        width = x.shape[-1]
        x, normed = self.norm.after(x, delta)
        query = self.qkv.outputs(normed[:, :1], 0, width)
        key, value = self.qkv.outputs(normed, width).chunk(2, dim=-1)
        x, delta = self.mlp(x[:, :1], self.out(self._attend(query, key, value)))
        return (x + delta)[:, 0]

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention of queries (B, M, d) to keys and values (B, N, d), (B, M, d)."""
        query, key, value = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (query, key, value))
        return attention(query, key, value).transpose(1, 2).flatten(-2)


@dataclass(frozen=True)
class Tower:
    """A ViT: patches and prefix tokens in, features out.

    What is computed once per image or once per step (embedding patches, the head) is float32; blocks and the
    norm before pooling are in `dtype`.

    Attributes:
        patch_size: side of a patch in pixels.
        patch: embeds a patch's pixels, channels first: 3 * patch_size**2 -> d.
        position: (G * G, d), of each patch of the grid, row by row.
        prefix: (P, d), class and register tokens with their positions; P may be 0.
        norm_pre: on every token before the blocks, or None.
        pool: the first token, or the average of the patch tokens; `average_all` counts the prefix in.
        norm: on every token before averaging, or None.
        head: on pooled tokens (B, d) -> (B, D), in order.
    """

    dtype: torch.dtype
    patch_size: int
    patch: Linear
    position: Tensor
    prefix: Tensor
    norm_pre: Norm | None
    blocks: tuple[Block, ...]
    pool: Literal["token", "average", "average_all"]
    norm: Norm | None
    head: tuple[Callable[[Tensor], Tensor], ...]

    @property
    def grid(self) -> int:
        """G, patches in a row of the image."""
        return math.isqrt(len(self.position))

    def patches(self, pixels: Tensor) -> Tensor:
        """Patches (..., G * G, 3 * p * p), row by row, of pixels (..., 3, H, W); a remainder is skipped."""
        size, covered = self.patch_size, self.grid * self.patch_size
        pixels = pixels[..., :covered, :covered]
        patches = pixels.unflatten(-1, (self.grid, size)).unflatten(-3, (self.grid, size))
        return patches.movedim((-4, -2), (-5, -4)).flatten(-3).flatten(-3, -2)

    def encode_image(self, images: Tensor) -> Tensor:
        """Features (B, D), float32, of normalised images (B, 3, H, W)."""
        tokens = self.patch(self.patches(images)) + self.position
        parts = (self.begin(self.prefix)[None, None], self.begin(tokens)[None])
        return self.encode(parts, 1, len(images))[0]

    def begin(self, tokens: Tensor) -> Tensor:
        """Embedded tokens with their positions (..., d), float32, as input of the first block."""
        return (tokens if self.norm_pre is None else self.norm_pre(tokens)).to(self.dtype)

    def encode(self, parts: Sequence[Tensor], experts: int, batch: int) -> Tensor:
        """Features (E, B, D), float32, of token sequences.

        Args:
            parts: the sequence in pieces (E or 1, B or 1, N_i, d) from `begin`, prefix first. A piece that is
                the same for all experts or images has size 1 on that axis; its share of the first block's
                projections is computed once, and without gradient where it has none.
        """
        parts = [part for part in parts if part.shape[2]]
        *front, last = self.blocks
        tokens, delta = _joined(parts, experts, batch), None
        for number, block in enumerate(front):
            if number == 0:
                projected = _joined([block.project(part)[1] for part in parts], experts, batch)
            else:
                tokens, projected = block.project(tokens, delta)
            del delta  # its memory is free before the MLP needs some
            tokens, delta = block.finish(tokens, projected)
        if self.pool == "token":
            features = last.first_token(tokens, delta).float()
        else:
            tokens, delta = last.finish(*last.project(tokens, delta))
            tokens = tokens + delta if self.norm is None else self.norm.after(tokens, delta)[1]
            features = tokens[:, 0 if self.pool == "average_all" else len(self.prefix) :].float().mean(1)
        for step in self.head:
            features = step(features)
        return features.unflatten(0, (experts, batch))


def _joined(parts: Sequence[Tensor], experts: int, batch: int) -> Tensor:
    """(E * B, N, ...) from pieces (E or 1, B or 1, N_i, ...)."""
    spread = [part.expand(experts, batch, -1, -1) for part in parts]
    return torch.cat(spread, dim=2).flatten(0, 1)
