"""Prompts whose context is learned: `[start] v1 ... vn class name. [end]`, for every class (CoOp's form)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from attrgen.core.errors import UserError
from vr.clip.backbone import Backbone
from vr.clip.text_tower import check_tower, text_tower

_FILLER = "x"  # a word of one token, replaced by a learned vector


class Prompts:
    """The frozen part of every class's prompt; encodes context vectors into text features.

    Args:
        backbone: its text tower reads the prompts, and stays frozen.
        names: class names in label order; C of them.
        length: n, number of context vectors before the name.

    Raises:
        UserError: a class name that is too long for the context vectors, or a text tower or tokenizer that
            cannot take vectors instead of words, with the reason.
    """

    def __init__(self, backbone: Backbone, names: tuple[str, ...], length: int) -> None:
        self.tower = text_tower(backbone)
        self.length = length
        texts = [_with_filler(name, length) for name in names]
        for name, text in zip(names, texts, strict=True):
            _check_room(backbone, name, text, length)
        tokens = backbone.tokens(texts)
        check_tower(backbone, self.tower, tokens)
        self.tokens = tokens[:, : self.tower.needed(tokens)]
        start = start_tokens(backbone)
        with torch.no_grad():
            embedded = self.tower.embed(self.tokens)
        self.before, self.after = embedded[:, :start], embedded[:, start + length :]

    def encode(self, context: Tensor) -> Tensor:
        """Unit text features (..., C, D) of context vectors (..., n, W), shared by all classes."""
        shape = (*context.shape[:-2], len(self.tokens))
        vectors = context[..., None, :, :].expand(*shape, -1, -1)
        before, after = (part.expand(*shape, -1, -1) for part in (self.before, self.after))
        embedded = torch.cat([before, vectors, after], dim=-2).flatten(0, -3)
        tokens = self.tokens.repeat(len(embedded) // len(self.tokens), 1)
        return F.normalize(self.tower.encode(embedded, tokens).float(), dim=-1).unflatten(0, shape)


def word_vectors(backbone: Backbone, words: str) -> Tensor:
    """The frozen token embeddings (n, W) of some words, from which context vectors start."""
    length = backbone.count_tokens(words) - backbone.count_tokens("")
    tokens = backbone.tokens([words])
    start = start_tokens(backbone)
    with torch.no_grad():
        return text_tower(backbone).embed(tokens)[0, start : start + length].clone()


def start_tokens(backbone: Backbone) -> int:
    """How many tokens the tokenizer puts before every text: 1 for a start token, or 0."""
    tokens = backbone.tokens(["a", _FILLER])
    return int((tokens[0] == tokens[1]).int().cumprod(0).sum())


def _with_filler(name: str, length: int) -> str:
    return " ".join([_FILLER] * length + [f"{name}."])


def _check_room(backbone: Backbone, name: str, text: str, length: int) -> None:
    count = backbone.count_tokens(text)
    if count > backbone.context_length:
        raise UserError(
            f"a prompt of {length} context vectors and this name has {count} tokens and "
            f"{backbone.name} reads {backbone.context_length}",
            code="prompt-too-long",
            class_name=name,
            remedy="Learn fewer context vectors, or shorten the name in the card.",
        )
    if count - backbone.count_tokens(_with_filler(name, 1)) != length - 1:
        raise UserError(
            f"{backbone.name} cannot learn prompts: its tokenizer does not read '{_FILLER}' as one token",
            code="prompt-unsupported-tokenizer",
            remedy="Choose another backbone, or a method that learns no prompt.",
        )
