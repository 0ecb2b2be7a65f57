"""The frozen text tower run from token embeddings, for prompts that are partly learned vectors.

It computes the same as `model.encode_text`, differentiable in the embeddings. Positions that cannot influence
the result (after the end token of a causal tower, padding of a Hugging Face one) can be cut off first, see
`needed`: this is exact and saves most of a context of 77 tokens.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from attrgen.core.errors import UserError
from vr.clip.backbone import Backbone


class TextTower(Protocol):
    """A text tower that starts from embeddings. N texts of L tokens, width W, D output dimensions."""

    width: int

    def embed(self, tokens: Tensor) -> Tensor:
        """Token embeddings (N, L, W), without positions."""
        ...

    def needed(self, tokens: Tensor) -> int:
        """How many of the first L positions can influence the features of any of the texts."""
        ...

    def encode(self, embedded: Tensor, tokens: Tensor) -> Tensor:
        """Features (N, D), not normalised, of embeddings (N, L, W) that stand for tokens (N, L)."""
        ...


class OpenClipTower:
    """open_clip's text transformer, inside a CLIP (as in OpenAI's) or as a separate tower."""

    def __init__(self, model: nn.Module, tower: Any) -> None:
        inside = tower is model
        self.tower: Any = tower
        self.pool = tower.text_pool_type if inside else tower.pool_type
        self.end: Any = getattr(tower, "text_eos_id" if inside else "eos_id", None)
        self.width = tower.token_embedding.embedding_dim

    def embed(self, tokens: Tensor) -> Tensor:
        """See `TextTower`."""
        return self.tower.token_embedding(tokens)

    def needed(self, tokens: Tensor) -> int:
        """Up to the last end token, where attention is causal and the features are read at that token."""
        if self.tower.attn_mask is None or self.pool not in ("argmax", "eos"):
            return tokens.shape[1]
        marked = tokens if self.pool == "argmax" else torch.eq(tokens, self.end).int()
        return int(marked.argmax(-1).max()) + 1

    def encode(self, embedded: Tensor, tokens: Tensor) -> Tensor:
        """See `TextTower`."""
        from open_clip.transformer import text_global_pool

        length = embedded.shape[1]
        mask = self.tower.attn_mask
        x = self.tower.transformer(
            embedded + self.tower.positional_embedding[:length],
            attn_mask=None if mask is None else mask[:length, :length],
        )
        x = self.tower.ln_final(text_global_pool(x, tokens, self.pool, eos_token_id=self.end))
        projection = self.tower.text_projection
        if projection is None:
            return x
        return projection(x) if isinstance(projection, nn.Linear) else x @ projection


class HuggingFaceTower:
    """A text model of `transformers` with open_clip's pooling and projection, as in BiomedCLIP."""

    def __init__(self, tower: Any) -> None:
        self.tower = tower
        self.embedding = tower.transformer.get_input_embeddings()
        self.width = self.embedding.embedding_dim

    def embed(self, tokens: Tensor) -> Tensor:
        """See `TextTower`."""
        return self.embedding(tokens)

    def needed(self, tokens: Tensor) -> int:
        """Up to the last token that is not padding in every text."""
        used = (tokens != self.tower.config.pad_token_id).any(0).nonzero()
        return int(used.max()) + 1

    def encode(self, embedded: Tensor, tokens: Tensor) -> Tensor:
        """See `TextTower`."""
        mask = (tokens != self.tower.config.pad_token_id).long()
        out = self.tower.transformer(inputs_embeds=embedded, attention_mask=mask)
        return self.tower.proj(self.tower.pooler(out, mask))


def text_tower(backbone: Backbone) -> TextTower:
    """The backbone's text tower, to be run from embeddings.

    Raises:
        UserError: a kind of tower that cannot start from embeddings, with the reason.
    """
    model: Any = backbone.model
    tower = getattr(model, "text", model)
    if hasattr(tower, "pooler") and hasattr(tower, "proj") and hasattr(tower, "transformer"):
        return HuggingFaceTower(tower)
    if getattr(tower, "cls_emb", None) is not None:
        raise _refusal(
            backbone,
            "its text tower appends a class token (as CoCa's), after which no prompt ends",
        )
    if all(hasattr(tower, part) for part in ("token_embedding", "positional_embedding", "ln_final")):
        own_tower = OpenClipTower(model, tower)
        if own_tower.pool == "none":
            raise _refusal(backbone, "its text tower gives one feature per token and none for the text")
        return own_tower
    raise _refusal(backbone, f"its text tower ({type(tower).__name__}) has no token embeddings")


def _refusal(backbone: Backbone, reason: str) -> UserError:
    return UserError(
        f"{backbone.name} cannot learn prompts: {reason}",
        code="prompt-unsupported-tower",
        remedy="Choose another backbone, or a method that learns no prompt.",
    )


@torch.no_grad()
def check_tower(backbone: Backbone, tower: TextTower, tokens: Tensor) -> None:
    """Check that the tower, run from the plain embeddings of tokens (N, L), gives `encode_text`'s features.

    An unknown kind of tower could differ without an error; this makes it one.

    Raises:
        UserError: they differ by more than 1e-3 of their length.
    """
    model: Any = backbone.model
    expected = torch.nn.functional.normalize(model.encode_text(tokens).float(), dim=-1)
    kept = tokens[:, : tower.needed(tokens)]
    features = torch.nn.functional.normalize(tower.encode(tower.embed(kept), kept).float(), dim=-1)
    if not torch.allclose(features, expected, atol=1e-3):
        raise _refusal(backbone, "started from token embeddings, its text tower gives other features")
