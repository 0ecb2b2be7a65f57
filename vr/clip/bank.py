"""Banks of attribute embeddings, against which image embeddings are scored, and their texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Bank:
    """Unit embeddings of every class's attributes, of different number per class and padded with zeros.

    Attributes:
        embeddings: (C, m, D), m the largest number of attributes of a class.
        present: (C, m), True where there is an attribute.
        texts: per class, the attributes in the order of `embeddings`.
    """

    embeddings: Tensor
    present: Tensor
    texts: tuple[tuple[str, ...], ...] = ()

    def tensors(self, name: str) -> dict[str, Tensor]:
        """Named tensors to store, `NAME.embeddings`, `NAME.present` and `NAME.texts` (JSON, UTF-8 bytes)."""
        words = json.dumps(self.texts, ensure_ascii=False).encode("utf-8")
        return {
            f"{name}.embeddings": self.embeddings,
            f"{name}.present": self.present,
            f"{name}.texts": torch.tensor(list(words), dtype=torch.uint8),
        }

    @classmethod
    def from_tensors(cls, name: str, tensors: dict[str, Tensor]) -> Bank:
        """The bank that `tensors` stored.

        Raises:
            ValueError: the tensors do not fit together.
        """
        texts = json.loads(bytes(tensors[f"{name}.texts"].tolist()).decode("utf-8"))
        bank = cls(
            tensors[f"{name}.embeddings"],
            tensors[f"{name}.present"],
            tuple(tuple(lines) for lines in texts),
        )
        if bank.embeddings.dtype != torch.float32 or bank.present.dtype != torch.bool:
            raise ValueError(f"the bank '{name}' has numbers of another type")
        if bank.embeddings.dim() != 3 or bank.present.shape != bank.embeddings.shape[:2]:
            raise ValueError(f"the bank '{name}' has the shape {tuple(bank.embeddings.shape)}")
        if len(texts) not in (0, len(bank.present)):
            raise ValueError(f"the bank '{name}' has texts of {len(texts)} classes")
        return bank

    def to(self, device: torch.device | str) -> Bank:
        """The same bank on a device."""
        return Bank(self.embeddings.to(device), self.present.to(device), self.texts)


def from_classes(embeddings: list[Tensor], texts: Sequence[Sequence[str]] = ()) -> Bank:
    """A bank of each class's embeddings, (m_c, D) each with m_c >= 1; every attribute is in it once."""
    padded = torch.nn.utils.rnn.pad_sequence(embeddings, batch_first=True)
    lengths = torch.tensor([len(rows) for rows in embeddings], device=padded.device)
    present = torch.arange(padded.shape[1], device=padded.device)[None] < lengths[:, None]
    return Bank(padded, present, tuple(tuple(lines) for lines in texts))


def padded_with_replacement(texts: list[str], size: int, generator: torch.Generator) -> list[str]:
    """The published padding: a list shorter than `size` is filled by drawing from it with replacement.

    Then the nearest three are often one sentence three times; only the `paper` preset pads. A longer list is
    reduced to a random `size` of its texts.
    """
    if len(texts) >= size:
        return [texts[i] for i in torch.randperm(len(texts), generator=generator)[:size].tolist()]
    drawn = torch.randint(len(texts), (size - len(texts),), generator=generator).tolist()
    return texts + [texts[i] for i in drawn]
