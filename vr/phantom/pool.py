"""Batches for `mini`: drawn pictures, captions as tokens, and which caption is true of which picture."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vr.phantom.captions import Caption, write_caption
from vr.phantom.finding import VALUES, mirrored
from vr.phantom.scene import CELLS, SIDE, draw_scene
from vr.phantom.words import LINKS, OPENERS, SEVERAL, TWO, phrases, plural

CAPTIONS = 3  # per scene in a batch
CONTEXT = 40  # tokens that training reads; longer captions are cut
MOST = 4  # findings in a picture, the organ among them
_INDEX = {value: i for i, value in enumerate(VALUES)}


class Batch(NamedTuple):
    """Pictures, captions, and what is true.

    Attributes:
        pictures: (B, 3, side, side) in [0, 1].
        tokens: (B * CAPTIONS, n).
        truth: (B, B * CAPTIONS) bool, whether the caption is true of the picture.
        cells: (B, CELLS ** 2, values) float, 1 where something that has the value reaches the cell.
    """

    pictures: Tensor
    tokens: Tensor
    truth: Tensor
    cells: Tensor


class Pool:
    """Scenes by number, each drawn once, when it is first asked for.

    Batch t takes the next scenes until all are drawn, and random ones from then on; everything depends on
    (seed, t) alone, so that a resumed training sees the same batches.
    """

    def __init__(self, tokenizer: Any, *, scenes: int, batch_size: int, seed: int) -> None:
        self.tokenizer = tokenizer
        self.scenes = scenes
        self.batch_size = batch_size
        self.seed = seed
        self.pictures = np.zeros((scenes, SIDE, SIDE), dtype=np.uint8)
        self.where = np.zeros((scenes, MOST, CELLS, CELLS), dtype=bool)
        self.values: list[list[frozenset[str]] | None] = [None] * scenes

    def batch(self, step: int) -> Batch:
        """The batch of a step."""
        rng = np.random.default_rng((self.seed, 1, step))
        first = step * self.batch_size
        if first + self.batch_size <= self.scenes:
            chosen = np.arange(first, first + self.batch_size)
        else:
            chosen = rng.choice(self.scenes, self.batch_size, replace=False)
        findings = [self._findings(int(number)) for number in chosen]
        words = random.Random(int(rng.integers(2**62)))
        pictures = torch.from_numpy(self.pictures[chosen])[:, None]
        where = torch.from_numpy(self.where[chosen])
        flip = torch.from_numpy(rng.random(self.batch_size) < 0.5)
        pictures = torch.where(flip[:, None, None, None], pictures.flip(-1), pictures)
        where = torch.where(flip[:, None, None, None], where.flip(-1), where)
        findings = [
            [mirrored(values) for values in of_scene] if flipped else of_scene
            for of_scene, flipped in zip(findings, flip.tolist(), strict=True)
        ]
        captions = [write_caption(of_scene, words) for of_scene in findings for _ in range(CAPTIONS)]
        tokens = tokenize([caption.text for caption in captions], self.tokenizer, words)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        cells = torch.einsum("bfyx,bfv->byxv", where.float(), _table(findings, MOST)).clamp_(max=1)
        return Batch(_exposed(pictures, generator), tokens, truth(findings, captions), cells.flatten(1, 2))

    def _findings(self, number: int) -> list[frozenset[str]]:
        known = self.values[number]
        if known is None:
            scene = draw_scene(np.random.default_rng((self.seed, 0, number)))
            self.pictures[number] = scene.picture
            self.where[number, : len(scene.where)] = scene.where
            known = self.values[number] = [finding.values for finding in scene.findings]
        return known


def _exposed(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Slightly other contrast and noise, on three equal channels."""
    count = len(pictures)
    gain = 0.85 + 0.3 * torch.rand(count, 1, 1, 1, generator=generator)
    lift = 0.1 * torch.rand(count, 1, 1, 1, generator=generator) - 0.05
    noise = 0.03 * torch.rand(count, 1, 1, 1, generator=generator)
    grain = noise * torch.randn(pictures.shape, generator=generator)
    return (pictures / 255 * gain + lift + grain).clamp_(0, 1).expand(-1, 3, -1, -1)


def truth(findings: Sequence[Sequence[frozenset[str]]], captions: Sequence[Caption]) -> Tensor:
    """(pictures, captions): whether the caption is true of the picture, as `Caption.is_true_of` says."""
    have = _table(findings, max(len(of_scene) for of_scene in findings))
    parts = max(len(caption.claims) for caption in captions)
    claim = torch.zeros(len(captions), parts, len(VALUES))
    for i, caption in enumerate(captions):
        for j, values in enumerate(caption.claims):
            claim[i, j, [_INDEX[value] for value in values]] = 1
    met = torch.einsum("ifv,tcv->itfc", have, claim) == claim.sum(-1)[None, :, None]
    return met.any(2).all(-1)


def _table(findings: Sequence[Sequence[frozenset[str]]], most: int) -> Tensor:
    """(pictures, most, values): 1 where the finding has the value."""
    have = torch.zeros(len(findings), most, len(VALUES))
    for i, of_scene in enumerate(findings):
        for j, values in enumerate(of_scene):
            have[i, j, [_INDEX[value] for value in values]] = 1
    return have


def tokenize(texts: Sequence[str], tokenizer: Any, words: random.Random | None = None) -> Tensor:
    """Token numbers (N, n), n at most CONTEXT, zero after each text's end.

    With `words`, a third of the texts gets one to three random tokens at random places: so the text tower
    learns to pass over what it does not know.
    """
    rows = []
    for text in texts:
        row = [token for word in text.split() for token in _word(tokenizer, word)]
        if words is not None and words.random() < 0.35:
            for _ in range(words.randint(1, 3)):
                row.insert(words.randint(0, len(row)), words.randrange(tokenizer.vocab_size - 2))
        row = row[: CONTEXT - 2]
        rows.append([tokenizer.sot_token_id, *row, tokenizer.eot_token_id])
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = torch.tensor(row)
    return tokens


_KNOWN: dict[str, list[int]] = {}


def _word(tokenizer: Any, word: str) -> list[int]:
    """Tokens of a word; no token of this tokenizer crosses a blank."""
    if word not in _KNOWN:
        _KNOWN[word] = tokenizer.encode(word)
    return _KNOWN[word]


@cache
def vocabulary() -> frozenset[str]:
    """Every word that a caption can hold."""
    texts = [*OPENERS, *LINKS, *SEVERAL, *TWO, "a", "an"]
    texts += [phrase.text for phrase in phrases()]
    texts += [plural(phrase.text) for phrase in phrases() if phrase.role == "noun"]
    words = {word for text in texts for word in text.split()}
    return frozenset(words | {f"{word.rstrip(',')}," for word in words})
