"""Pairs of attributes that the model hardly tells apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attrgen.schema.attribute_set import Entry
from vr.explanation.audit.assessment import described_class

_ROUNDING = 1e-6  # of the cosine of a text with itself
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class NearDuplicate:
    """Two texts whose embeddings nearly agree; `cosine` is of the embeddings."""

    first: Entry
    second: Entry
    cosine: float

    @property
    def suggestion(self) -> str:
        """How to improve the pair."""
        if _same_list(self.first, self.second) and described_class(self.first) == described_class(
            self.second
        ):
            return "the same to the model: keep one"
        return (
            f"describes {described_class(self.first)} and {described_class(self.second)} alike: "
            "make them differ"
        )


def near_duplicates(entries: Sequence[Entry], texts: Floats, threshold: float) -> list[NearDuplicate]:
    """Pairs of texts whose embeddings (A, D) have a cosine of at least `threshold`, the nearest first.

    Texts of different lists that describe the same class may say the same, and are left out.
    """
    embeddings = np.asarray(texts, dtype=np.float64)
    cosines = embeddings @ embeddings.T
    pairs = []
    for i, j in zip(*np.nonzero(np.triu(cosines >= threshold - _ROUNDING, 1)), strict=True):
        first, second = entries[i], entries[j]
        if _same_list(first, second) or described_class(first) != described_class(second):
            pairs.append(NearDuplicate(first, second, min(1.0, float(cosines[i, j]))))
    return sorted(pairs, key=lambda pair: -pair.cosine)


def _same_list(first: Entry, second: Entry) -> bool:
    return (first.class_name, first.kind) == (second.class_name, second.kind)
